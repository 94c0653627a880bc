package dev.runnel.tools;

import static dev.runnel.tools.TinyModels.data;
import static dev.runnel.tools.TinyModels.floats;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

class AccuracyCommandTest {
    private static final List<Long> ROW = List.of(1L, 2L);

    @TempDir private Path temp;

    private Path product() throws IOException {
        Path product = temp.resolve("product");
        TinyModels.product(product);
        data(product, 0, "input_0", floats("x", ROW, 1, 2));
        data(product, 0, "output_0", floats("y", ROW, 1.001f, 4));
        return product;
    }

    @Test
    void table_hasARowForEachOutputAndTheErrorsOfEachPrecision() throws IOException {
        Captured c = Captured.of("accuracy", product());
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        List<String> lines = c.out().lines().toList();
        assertThat(lines).hasSize(3);
        assertThat(lines.getFirst())
                .startsWith("| model | output | mean \\|want\\| | f32 max | mean | bf16 max |");
        assertThat(lines.getLast())
                .startsWith("| product | y | 2.5 | 0.0e+00 | 0.0e+00 | 1.0e-03 | 5.0e-04 | ")
                .matches("(.*\\|){10}");
    }

    @Test
    void folderWithoutCases_isToldWithoutATable() {
        Captured c = Captured.of("accuracy", temp);
        assertThat(c.exit()).isNotZero();
        assertThat(c.err()).contains("no model.onnx or model.rnl");
        assertThat(c.out()).isEmpty();
    }

    @Test
    void caseThatCannotRun_isToldAndExitsWithOne() throws IOException {
        Path unknown = temp.resolve("unknown");
        TinyModels.unknown(unknown);
        data(unknown, 0, "input_0", floats("x", ROW, 1, 2));
        data(unknown, 0, "output_0", floats("y", ROW, 1, 2));
        Captured c = Captured.of("accuracy", product(), unknown);
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.err()).contains("F32: ", "INT8: ", "Frobnicate");
        assertThat(c.out()).contains("| product | y | ");
    }
}
