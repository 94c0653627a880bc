package dev.runnel.tools;

import static dev.runnel.tools.TinyModels.data;
import static dev.runnel.tools.TinyModels.floats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.formats.TensorFile;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

class RunCommandTest {
    @TempDir private Path temp;
    private Path x;

    @BeforeEach
    void makeInput() throws IOException {
        data(temp, 0, "x", floats("x", List.of(1L, 2L), 1, -2));
        x = temp.resolve("test_data_set_0/x.pb");
    }

    @Test
    void outputs_arePrintedAndWritten() throws IOException {
        Path model = TinyModels.shift(temp);
        Path folder = temp.resolve("a new/folder");
        assertThat(Captured.of("run", model, "--input", "x=" + x, "--output", folder))
                .isEqualTo(
                        new Captured(
                                0,
                                "y  float32[1, 2]  min 11.0000  max 18.0000  first 11.0000"
                                        + " 18.0000\n",
                                ""));
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(folder.resolve("y.npy"));
        }
        assertThat(TensorFile.read(folder.resolve("y.npy")).toFloats()).containsExactly(11, 18);

        Captured again = Captured.of("run", model, "--input", "x=" + folder.resolve("y.npy"));
        assertThat(again.out()).endsWith("first 21.0000 38.0000\n");
    }

    @Test
    void state_startsFromZero() throws IOException {
        Path model = TinyModels.sum(temp);
        assertThat(Captured.of("run", model, "--input", "x=" + x, "--state", "s1=s").out())
                .isEqualTo("y  float32[1, 2]  min -2.00000  max 1.00000  first 1.00000 -2.00000\n");
        assertThat(Captured.of("run", model, "--input", "x=" + x, "--input", "s=" + x).out())
                .isEqualTo(
                        """
                        y  float32[1, 2]  min -4.00000  max 2.00000  first 2.00000 -4.00000
                        s1  float32[1, 2]  min -4.00000  max 2.00000  first 2.00000 -4.00000
                        """);
    }

    @Test
    void bound_inputNeedsNoFile() throws IOException {
        Path model = TinyModels.offset(temp);
        assertThat(Captured.of("run", model, "--input", "x=" + x, "--bind", "o=0.5").out())
                .startsWith("y  float32[1, 2]  min -1.50000  max 1.50000  ");
    }

    @Test
    void inputs_thatDoNotFit_areUsageErrors() throws IOException {
        Path model = TinyModels.sum(temp);
        usage(
                Captured.of("run", model, "--input", "x=" + x),
                "no value for input 's' of type float32[1, 2]; give --input s=FILE or --bind"
                        + " s=NUMBER");
        usage(
                Captured.of("run", model, "--input", "q=" + x),
                "--input: the model has no input 'q'; it has x, s");
        usage(
                Captured.of("run", model, "--input", "x=" + x, "--bind", "x=1", "--bind", "s=1"),
                "input 'x' has a file, but is bound or a state already");
        usage(
                Captured.of("run", model, "--input", "x=" + x, "--state", "sn=s"),
                "--state: the model has no output 'sn'; it has y, s1");
        usage(
                Captured.of("run", model, "--bind", "x=1", "--bind", "s=1", "--dimension", "n=1"),
                "--dimension: the model has no symbolic dimension 'n'; it has none");
    }

    private static void usage(Captured c, String message) {
        assertThat(c)
                .isEqualTo(
                        new Captured(
                                2, "", "runnel run: " + message + "\nTry 'runnel run --help'.\n"));
    }

    @Test
    void fileName_isSafeAndUnique() {
        Set<String> taken = new HashSet<>();
        assertThat(RunCommand.fileName("y", taken)).isEqualTo("y.npy");
        assertThat(RunCommand.fileName("Y", taken)).isEqualTo("Y_2.npy");
        assertThat(RunCommand.fileName("../../etc/passwd", taken))
                .isEqualTo("_.._.._etc_passwd.npy");
        assertThat(RunCommand.fileName("a:0", taken)).isEqualTo("a_0.npy");
        assertThat(RunCommand.fileName("a/0", taken)).isEqualTo("a_0_2.npy");
        assertThat(RunCommand.fileName("", taken)).isEqualTo("_.npy");
        assertThat(RunCommand.fileName("音", taken)).isEqualTo("音.npy");
        assertThat(RunCommand.fileName("n".repeat(300), taken)).hasSize(104);
    }
}
