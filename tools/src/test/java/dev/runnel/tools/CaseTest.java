package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

class CaseTest {
    @TempDir private Path temp;

    private Path model(String folder) throws IOException {
        Path f = temp.resolve(folder);
        Files.createDirectories(f);
        Files.writeString(f.resolve("model.onnx"), "");
        return f;
    }

    @Test
    void find_atAnyDepth_inOrder() throws IOException {
        model("b/deep/er");
        model("a");
        model("b/aa");
        model("b/aa/inside");
        assertThat(Case.find(List.of(temp)))
                .extracting(Case::name)
                .containsExactly("a", "aa", "er");
        assertThat(Case.find(List.of(temp.resolve("b/aa"), temp.resolve("a"), temp.resolve("a"))))
                .extracting(Case::name)
                .containsExactly("aa", "a");
    }

    @Test
    void find_sameNameTwice_givesPaths() throws IOException {
        Path one = model("one/add");
        Path two = model("two/add");
        model("two/sub");
        assertThat(Case.find(List.of(temp)))
                .extracting(Case::name)
                .containsExactly(one.toString(), two.toString(), "sub");
    }

    @Test
    void find_nothing_isAnError() throws IOException {
        Files.createDirectories(temp.resolve("empty/folder"));
        Path empty = temp.resolve("empty");
        assertThatThrownBy(() -> Case.find(List.of(empty)))
                .isExactlyInstanceOf(IOException.class)
                .hasMessage(empty + ": no model.onnx or model.rnl in this folder or below it");
        assertThatThrownBy(() -> Case.find(List.of(temp.resolve("none"))))
                .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void dataSets_areInNumericOrder() throws IOException {
        Path folder = model("many");
        for (int set : new int[] {10, 9, 0}) {
            Path f = Files.createDirectories(folder.resolve("test_data_set_" + set));
            for (int i = 0; i <= 10; i++) {
                Files.writeString(f.resolve("input_" + i + ".pb"), "");
            }
            Files.writeString(f.resolve("output_0.npy"), "");
            Files.writeString(f.resolve("notes.txt"), "");
        }
        List<Case.DataSet> sets = new Case("many", folder, folder).dataSets();
        assertThat(sets).extracting(Case.DataSet::index).containsExactly(0, 9, 10);
        assertThat(sets.getFirst().inputs().lastEntry().getValue()).hasFileName("input_10.pb");
        assertThat(sets.getFirst().outputs()).hasSize(1);
    }

    @Test
    void carried_isOutputByInput() throws IOException {
        Path folder = model("stream");
        Case c = new Case("stream", folder, folder);
        assertThat(c.carried()).isEmpty();
        Path file = folder.resolve("state.txt");
        Files.writeString(file, "hn>h\n\n cn > c \r\n");
        assertThat(c.carried())
                .containsExactly(java.util.Map.entry("h", "hn"), java.util.Map.entry("c", "cn"));
        Files.writeString(file, "hn>h\nhn h\n");
        assertThatThrownBy(c::carried)
                .isInstanceOf(IOException.class)
                .hasMessage(file + ": line is 'hn h', expected 'output>input', each input once");
    }
}
