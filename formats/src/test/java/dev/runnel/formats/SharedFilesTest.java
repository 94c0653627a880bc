package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Every file at hand that others have written.
class SharedFilesTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    @Test
    void models_read_orSayWhatIsUnsupported() throws IOException {
        Map<String, String> refused = new TreeMap<>();
        int read = 0;
        for (Path file : files("model.onnx")) {
            try {
                Graph graph = Models.read(file);
                assertThat(graph.outputs()).as(file.toString()).isNotEmpty();
                assertThat(graph.nodes())
                        .as(file.toString())
                        .noneMatch(SharedFilesTest::isOfOldVocabulary);
                read++;
            } catch (UnsupportedModelException e) {
                refused.put(SHARED.relativize(file).toString(), e.getMessage());
            }
        }
        assertThat(refused.values())
                .allMatch(
                        m ->
                                m.matches(
                                        "model.onnx: input '.*' has type .*; only tensors are"
                                                + " supported"));
        assertThat(refused.keySet())
                .allMatch(name -> name.matches(".*test_(identity_|loop13_|sequence_insert_).*"));
        assertThat(read).isGreaterThan(650);
    }

    @Test
    void tensors_read_orSayWhatIsUnsupported() throws IOException {
        Map<String, String> refused = new TreeMap<>();
        for (Path file : files(".pb")) {
            try {
                Tensor t = TensorFile.read(file);
                assertThat(t.data().byteSize()).isEqualTo(t.type().byteSize());
            } catch (UnsupportedModelException e) {
                refused.put(SHARED.relativize(file).toString(), e.getMessage());
            } catch (MalformedModelException e) { // sequences and optionals are other messages
                assertThat(file.toString()).containsPattern("seq|opt");
            }
        }
        assertThat(refused.values())
                .allMatch(m -> m.contains("which Runnel does not have") || m.contains("segment"));
    }

    private static boolean isOfOldVocabulary(Node n) {
        Set<String> old = Set.of("axes", "broadcast", "consumed_inputs", "is_test", "saturate");
        return n.domain().isEmpty()
                && (n.op().equals("Constant")
                        || n.op().equals("Dropout")
                        || n.attributes().keySet().stream().anyMatch(old::contains));
    }

    private static List<Path> files(String ending) throws IOException {
        assumeTrue(
                Files.isDirectory(SHARED.resolve("conformance")),
                "no test data: " + SHARED + " is missing");
        try (Stream<Path> files = Files.walk(SHARED, FileVisitOption.FOLLOW_LINKS)) {
            return files.filter(f -> f.toString().endsWith(ending)).toList();
        }
    }
}
