package dev.runnel.tools;

import static dev.runnel.tools.TinyModels.data;
import static dev.runnel.tools.TinyModels.floats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.runnel.formats.Models;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.graph.ValueInfo.Dim;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// What `runnel convert` takes for equal: as `runnel verify` does, and no more than was compared.
class ConvertComparisonTest {
    private static final List<Long> ROW = List.of(1L, 2L);

    @TempDir private Path temp;
    private Path model;
    private Path out;

    @BeforeEach
    void makeModel() throws IOException {
        model = TinyModels.product(temp.resolve("in"));
        out = temp.resolve("out.rnl");
    }

    private static String failure(Captured c) {
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.err()).startsWith("runnel convert: ").endsWith("\n");
        return c.err().substring("runnel convert: ".length()).strip();
    }

    private void assertBothSay(Path folder, String complaint) {
        assertThat(failure(Captured.of("convert", model, out, "--verify", folder)))
                .isEqualTo(folder + ": " + complaint);
        assertThat(out).doesNotExist();
        assertThat(Captured.of("verify", folder, "--model", model).out())
                .startsWith("FAIL case " + complaint + "\n");
    }

    @Test
    void storedOutput_ofAnotherShape_isToldAsVerifyDoes() throws IOException {
        Path folder = temp.resolve("case");
        data(folder, 0, "input_0", floats("x", ROW, 1, 2));
        data(folder, 0, "output_0", floats("y", List.of(2L, 1L), 1, 2));
        assertBothSay(folder, "set 0 output 'y': shape is [1, 2], expected [2, 1]");
    }

    @Test
    void storedOutputs_thatAreMissing_areToldAsVerifyDoes() throws IOException {
        Path folder = temp.resolve("case");
        data(folder, 0, "input_0", floats("x", ROW, 1, 2));
        assertBothSay(folder, "set 0 has no output_0.pb or output_0.npy");
    }

    @Test
    void storedOutputs_ofWhichThereAreTooMany_areToldWithTheirFile() throws IOException {
        Path folder = temp.resolve("case");
        data(folder, 0, "input_0", floats("x", ROW, 1, 2));
        data(folder, 0, "output_0", floats("a", ROW, 1, 4));
        data(folder, 0, "output_2", floats("b", ROW, 1, 4));
        assertThat(failure(Captured.of("convert", model, out, "--verify", folder)))
                .isEqualTo(
                        folder.resolve("test_data_set_0/output_2.pb")
                                + ": there is no such output; the model has [y]");
    }

    // ---- NaN

    private static Graph lstm(float first) {
        float[] w = new float[24];
        Arrays.fill(w, 0.3f);
        w[0] = first;
        float[] r = new float[36];
        for (int i = 0; i < r.length; i++) {
            r[i] = i % 7 / 10f;
        }
        return new Graph(
                "lstm",
                List.of(
                        new ValueInfo(
                                "x", DType.FLOAT32, List.of(Dim.of(1), Dim.of(1), Dim.of(2)))),
                List.of(
                        new ValueInfo(
                                "y",
                                DType.FLOAT32,
                                List.of(Dim.of(1), Dim.of(1), Dim.of(1), Dim.of(3)))),
                Map.of(
                        "W", Tensor.ofFloats(Shape.of(1, 12, 2), w),
                        "R", Tensor.ofFloats(Shape.of(1, 12, 3), r)),
                List.of(
                        new Node(
                                "lstm",
                                "",
                                "LSTM",
                                List.of("x", "W", "R"),
                                List.of("y"),
                                Map.of("hidden_size", new Attribute.OfLong(3)))),
                Map.of());
    }

    @Test
    void nanInBoth_isWarnedOf_andIsNotWithinAnyLimit() throws IOException {
        Path file = temp.resolve("nan.onnx");
        Models.write(lstm(Float.NaN), file);
        Captured c = Captured.of("convert", file, out, "--samples", "2");
        assertThat(c.exit()).isZero();
        assertThat(c.out()).endsWith("\n  y  none\n  warning: y: 4 of 6 values are NaN in both\n");
        Captured limited = Captured.of("convert", file, out, "--force", "--max-error", "0");
        assertThat(failure(limited))
                .isEqualTo(
                        "values are NaN in both, of which --max-error can say nothing; nothing was"
                                + " written");
    }

    @ParameterizedTest
    @ValueSource(strings = {"int8", "f16"})
    void weightsWithoutAPlace_stayFloat32_andAreNamed_andNoOthersDo(String precision)
            throws IOException {
        Path file = temp.resolve("large.onnx");
        Models.write(lstm(precision.equals("int8") ? Float.NaN : 1e6f), file);
        Captured c = Captured.of("convert", file, out, "--weights", precision);
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .contains(
                        "\nweights that stay float32, as they have values that "
                                + precision
                                + " has not: W\n");
        Map<String, Tensor> constants = Models.read(out).initializers();
        assertThat(constants.get("W").dtype()).isEqualTo(DType.FLOAT32);
        assertThat(constants).doesNotContainKey("R");
    }

    // ---- matrices of no elements

    @ParameterizedTest
    @ValueSource(strings = {"f32", "bf16", "f16", "int8"})
    void matrixOfNoElements_takesNoTime(String precision) throws IOException {
        long many = 1L << 40;
        Graph graph =
                new Graph(
                        "none",
                        List.of(new ValueInfo("x", DType.FLOAT32, List.of(Dim.of(1), Dim.of(0)))),
                        List.of(new ValueInfo("y", DType.FLOAT32, null)),
                        Map.of(
                                "w",
                                new Tensor(
                                        new TensorType(DType.FLOAT32, Shape.of(0, many)),
                                        MemorySegment.NULL)),
                        List.of(
                                new Node(
                                        "m",
                                        "",
                                        "MatMul",
                                        List.of("x", "w"),
                                        List.of("y"),
                                        Map.of())),
                        Map.of());
        Path file = temp.resolve("none.onnx");
        Models.write(graph, file);
        Captured c =
                assertTimeoutPreemptively(
                        Duration.ofSeconds(20),
                        () ->
                                Captured.of(
                                        "convert",
                                        file,
                                        out,
                                        "--weights",
                                        precision,
                                        "--samples",
                                        "0"));
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThat(Captured.of("diff", file, out).exit()).isLessThan(2));
        assertThat(Files.size(out)).isLessThan(1000);
    }

    // ---- what is said

    @Test
    void suggestion_takesNoOptionsOfAConversion() {
        Captured c = Captured.of("convert", "--suggest-recipe", model, "--weights", "int8");
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.err()).startsWith("runnel convert: --suggest-recipe converts nothing: ");
    }

    @Test
    void percentages_areWrittenOut() {
        assertThat(new WeightErrors("w", false, 0, 1, 1))
                .hasToString("w row 0  max |Δw| 1.00e+00  relative 100 %");
        assertThat(new WeightErrors("w", false, 0, 1, 0.0123))
                .hasToString("w row 0  max |Δw| 1.00e+00  relative 1.2 %");
    }
}
