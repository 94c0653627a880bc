package dev.runnel.tools;

import static dev.runnel.tools.TinyModels.data;
import static dev.runnel.tools.TinyModels.floats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.formats.Models;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

class ConvertCommandTest {
    private static final List<Long> ROW = List.of(1L, 2L);

    @TempDir private Path temp;
    private Path model;
    private Path out;

    @BeforeEach
    void makeModel() throws IOException {
        model = TinyModels.product(temp.resolve("in"));
        out = Files.createDirectory(temp.resolve("out")).resolve("out.rnl");
    }

    private List<String> written() throws IOException {
        try (Stream<Path> files = Files.list(out.getParent())) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static String failure(Captured c) {
        assertThat(c.exit()).isEqualTo(1);
        assertThat(c.err()).startsWith("runnel convert: ").endsWith("\n");
        return c.err().substring("runnel convert: ".length()).strip();
    }

    private static String usage(Captured c) {
        assertThat(c.exit()).isEqualTo(2);
        assertThat(c.out()).isEmpty();
        assertThat(c.err())
                .startsWith("runnel convert: ")
                .endsWith("\nTry 'runnel convert --help'.\n");
        return c.err().substring("runnel convert: ".length());
    }

    // ---- what it is for

    @Test
    void model_thereAndBack_isTheSame() throws IOException {
        Path back = temp.resolve("out/back.onnx");
        Captured c = Captured.of("convert", model, out);
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .isEqualTo(
                        """
                        %s → %s
                        parameters  4
                        bytes       %,d → %,d
                        error against the original (8 random steps of one stream, seed 1)
                          y  none
                        """
                                .formatted(model, out, Files.size(model), Files.size(out)));
        assertThat(Captured.of("convert", out, back).exit()).isZero();
        assertThat(Captured.of("diff", model, out).exit()).isZero();
        assertThat(Captured.of("diff", model, back).exit()).isZero();
        assertThat(written()).containsExactly("back.onnx", "out.rnl");
    }

    @Test
    void verify_comparesWithTheOriginalAndTheStoredOutputs() throws IOException {
        Path folder = temp.resolve("case");
        data(folder, 0, "input_0", floats("x", ROW, 1, 2));
        data(folder, 0, "output_0", floats("y", ROW, 1.001f, 4.5f));
        Captured c = Captured.of("convert", model, out, "--verify", folder);
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .endsWith(
                        """
                        error against the original (%s, 1 set)
                          y  none
                        error against the stored outputs (%s, 1 set)
                          y  max 5.00e-01  mean 2.50e-01  SNR 19.3 dB
                        """
                                .formatted(folder, folder));
        assertThat(Captured.of("verify", folder, "--model", out).out())
                .startsWith("FAIL case set 0");
    }

    @Test
    void errorBeyondTheLimit_leavesTheOldFile() throws IOException {
        Path folder = temp.resolve("case");
        data(folder, 0, "input_0", floats("x", ROW, 1, 2));
        data(folder, 0, "output_0", floats("y", ROW, 1.001f, 4.5f));
        Files.writeString(out, "old");
        assertThat(
                        failure(
                                Captured.of(
                                        "convert",
                                        model,
                                        out,
                                        "--force",
                                        "--verify",
                                        folder,
                                        "--max-error",
                                        "0.4")))
                .isEqualTo("the error is 5.00e-01, more than --max-error 0.4; nothing was written");
        assertThat(out).hasContent("old");
        assertThat(written()).containsExactly("out.rnl");
        assertThat(
                        Captured.of(
                                        "convert",
                                        model,
                                        out,
                                        "--force",
                                        "--verify",
                                        folder,
                                        "--max-error",
                                        "0.5")
                                .exit())
                .isZero();
        assertThat(Captured.of("inspect", out).exit()).isZero();
    }

    @Test
    void existingFile_isReplacedByForceOnly() throws IOException {
        Files.writeString(out, "old");
        assertThat(failure(Captured.of("convert", model, out)))
                .isEqualTo(out + ": is there already; --force replaces it");
        assertThat(out).hasContent("old");
        assertThat(Captured.of("convert", model, out, "--force").exit()).isZero();
        assertThat(Captured.of("diff", model, out).exit()).isZero();
    }

    @Test
    void symbolicLink_staysOne() throws IOException {
        Path link = Files.createSymbolicLink(temp.resolve("link.rnl"), out);
        Files.writeString(out, "old");
        assertThat(Captured.of("convert", model, link, "--force").exit()).isZero();
        assertThat(link).isSymbolicLink();
        assertThat(Captured.of("diff", model, out).exit()).isZero();
    }

    @Test
    void namesInAnyScript_work() throws IOException {
        Path strange = Files.copy(model, temp.resolve("模型 ünïcode 🎵.bin"));
        Path target = temp.resolve("out/выход (1) 画龙点睛.rnl");
        assertThat(Captured.of("convert", strange, target).exit()).isZero();
        assertThat(Captured.of("diff", strange, target).exit()).isZero();
        assertThat(written()).containsExactly("выход (1) 画龙点睛.rnl");
    }

    // ---- what cannot be

    @Test
    void sourceAsTarget_isRefused() throws IOException {
        byte[] before = Files.readAllBytes(model);
        assertThat(usage(Captured.of("convert", model, model, "--force")))
                .startsWith("OUT is IN: ");
        Path other = model.resolveSibling("../in/model.onnx");
        assertThat(usage(Captured.of("convert", model, other, "--force")))
                .startsWith("OUT is IN: ");
        Path link = Files.createLink(temp.resolve("hard.onnx"), model);
        assertThat(usage(Captured.of("convert", link, model, "--force"))).startsWith("OUT is IN: ");
        assertThat(model).hasBinaryContent(before);
    }

    @Test
    void target_mustBeAFileThatCanBeWritten() throws IOException {
        Path file = temp.resolve("a-file");
        Files.writeString(file, "");
        assertThat(failure(Captured.of("convert", model, temp.resolve("no/such/x.rnl"))))
                .isEqualTo(
                        temp.resolve("no/such")
                                + ": there is no such folder to write to; make it first");
        assertThat(failure(Captured.of("convert", model, file.resolve("x.rnl"))))
                .isEqualTo(file + ": not a folder");
        Path folder = Files.createDirectory(temp.resolve("folder.rnl"));
        assertThat(failure(Captured.of("convert", model, folder, "--force")))
                .isEqualTo(folder + ": is a folder, expected the name of a file");
        assertThat(usage(Captured.of("convert", model, temp.resolve("x.pt"))))
                .startsWith("OUT is " + temp.resolve("x.pt") + ", expected a name that ends in");
        assertThat(usage(Captured.of("convert", model))).startsWith("OUT is missing");
    }

    @Test
    void readOnlyFolder_isToldSo() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("locked"));
        assertThat(folder.toFile().setWritable(false)).isTrue();
        try {
            org.junit.jupiter.api.Assumptions.assumeFalse(
                    Files.isWritable(folder), "not run: this user may write anywhere");
            assertThat(failure(Captured.of("convert", model, folder.resolve("x.rnl"))))
                    .isEqualTo(folder + ": permission denied");
        } finally {
            assertThat(folder.toFile().setWritable(true)).isTrue();
        }
    }

    @Test
    void source_mustBeAModel() throws IOException {
        Path empty = Files.createFile(temp.resolve("empty.onnx"));
        assertThat(failure(Captured.of("convert", empty, out))).startsWith("empty.onnx: ");
        Path text = Files.writeString(temp.resolve("notes.txt"), "The weights are in the mail.");
        assertThat(failure(Captured.of("convert", text, out))).startsWith("notes.txt: ");
        assertThat(failure(Captured.of("convert", temp, out)))
                .isEqualTo(temp + ": not a regular file");
        assertThat(failure(Captured.of("convert", temp.resolve("none.pt"), out)))
                .isEqualTo(temp.resolve("none.pt") + ": no such file");
        assertThat(written()).isEmpty();
    }

    @Test
    void modelThatCannotRun_isConvertedOnDemandOnly() throws IOException {
        Path unknown = TinyModels.unknown(temp.resolve("unknown"));
        assertThat(failure(Captured.of("convert", unknown, out)))
                .startsWith("it cannot be run on random inputs: model.onnx: node 'Frobnicate_y'")
                .endsWith("--samples 0 converts without a comparison");
        assertThat(written()).isEmpty();
        Captured c = Captured.of("convert", unknown, out, "--samples", "0");
        assertThat(c.exit()).isZero();
        assertThat(c.out()).doesNotContain("error");
        assertThat(Captured.of("diff", unknown, out).exit()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "--samples -1, --samples is -1",
        "--max-error -1, --max-error is -1",
        "--max-error NaN, --max-error is NaN",
        "--samples 0 --max-error 1, --max-error needs a comparison",
        "--samples 3 --verify ., --verify and --samples exclude each other",
        "--weights int4, Invalid value for option '--weights'",
        "--bind sr=1, --bind: the model has no input 'sr'; it has x",
        "--recipe r.yaml, --recipe is for files of weights",
        "--suggest-recipe, --suggest-recipe is for files of weights",
    })
    void options_outOfPlace_areUsageErrors(String options, String message) throws IOException {
        String[] words = ("convert " + model + " " + out + " " + options).split(" ");
        assertThat(usage(Captured.of((Object[]) words))).startsWith(message);
        assertThat(written()).isEmpty();
    }

    @Test
    void verifyFolder_mustBeACase() throws IOException {
        assertThat(failure(Captured.of("convert", model, out, "--verify", model)))
                .isEqualTo(model + ": not a folder");
        assertThat(failure(Captured.of("convert", model, out, "--verify", out.getParent())))
                .isEqualTo(out.getParent() + ": no test_data_set_0 in this folder or below it");
        assertThat(written()).isEmpty();
    }

    // ---- random inputs

    /// `y = GRU(embedding[tokens])`, five tokens known, any number of steps.
    private static Graph tagger() {
        float[] weights = new float[64];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) Math.sin(i);
        }
        Tensor table = Tensor.ofFloats(Shape.of(5, 2), Arrays.copyOf(weights, 10));
        Tensor w = Tensor.ofFloats(Shape.of(1, 6, 2), Arrays.copyOf(weights, 12));
        return new Graph(
                "tagger",
                List.of(
                        new ValueInfo(
                                "tokens",
                                DType.INT64,
                                List.of(ValueInfo.Dim.of("T"), ValueInfo.Dim.of(1)))),
                List.of(
                        new ValueInfo(
                                "y",
                                DType.FLOAT32,
                                List.of(
                                        ValueInfo.Dim.of("T"),
                                        ValueInfo.Dim.of(1),
                                        ValueInfo.Dim.of(1),
                                        ValueInfo.Dim.of(2)))),
                Map.of("table", table, "w", w, "r", w),
                List.of(
                        new Node(
                                "embed",
                                "",
                                "Gather",
                                List.of("table", "tokens"),
                                List.of("x"),
                                Map.of()),
                        new Node(
                                "gru",
                                "",
                                "GRU",
                                List.of("x", "w", "r"),
                                List.of("y"),
                                Map.of("hidden_size", new Attribute.OfLong(2)))),
                Map.of());
    }

    @Test
    void integers_areInTheRangeOfWhatTheyLookUp() throws IOException {
        assertThat(IndexRange.below(tagger(), "tokens")).isEqualTo(5);
        Path file = temp.resolve("tagger.onnx");
        Models.write(tagger(), file);
        Captured c = Captured.of("convert", file, out, "--samples", "100", "--seed", "7");
        assertThat(c.err()).isEmpty();
        assertThat(c.exit()).isZero();
        assertThat(c.out())
                .endsWith(
                        """
                        error against the original (100 random steps of one stream, seed 7)
                          y  none
                        """);
    }

    @Test
    void errors_areCarriedInTheState() throws Exception {
        Graph original = tagger();
        Graph rounded =
                new Graph(
                        original.name(),
                        original.inputs(),
                        original.outputs(),
                        Map.of(
                                "table", original.initializers().get("table"),
                                "w", original.initializers().get("w"),
                                "r", rounded(original.initializers().get("r"))),
                        original.nodes(),
                        Map.of());
        dev.runnel.Options options = dev.runnel.Options.defaults();
        // R meets a state of zero in the first step: no error then.
        assertThat(OutputErrors.onRandom(original, rounded, options, Precision.F32, 1, 1).max())
                .isZero();
        OutputErrors many = OutputErrors.onRandom(original, rounded, options, Precision.F32, 9, 1);
        assertThat(many.max()).isPositive();
        Deviation y = many.outputs().get("y");
        assertThat(y.mean()).isPositive().isLessThan(y.max());
        assertThat(y.decibels()).isBetween(10.0, 100.0);
    }

    @Test
    void weightsInFewerBits_showWhatIsOff() throws IOException {
        Captured bf16 = Captured.of("convert", model, out, "--weights", "bf16");
        assertThat(bf16.err()).isEmpty();
        assertThat(bf16.exit()).isZero();
        assertThat(bf16.out())
                .contains("\n  y  max ", " dB\n")
                .endsWith(
                        """
                        weights that are off by most
                          w column 0  max |Δw| 1.00e-03  relative 0.10 %
                        """);
        // What is stored counts as what it stands for: w, not the node that widens it.
        assertThat(Captured.of("diff", model, out).out())
                .contains(
                        """
                        tensors
                          ~ w  float32[2, 2]  max |Δ| 0.0010  relative 0.00050
                        0 tensors are the same
                        """);
        Captured f32 = Captured.of("convert", out, temp.resolve("f32.onnx"), "--weights", "f32");
        assertThat(f32.out()).endsWith("\n  y  none\n");
    }

    @Test
    void weightsThatStayAsTheyAre_areToldSo() throws IOException {
        Path shift = TinyModels.shift(temp.resolve("shift"));
        assertThat(Captured.of("convert", shift, out, "--weights", "bf16").out())
                .contains("\n  y  none\nno weight takes fewer bits: ");
    }

    @Test
    void int8_isMeasuredWithItsKernelsAsWell() throws IOException {
        Path file = temp.resolve("tagger.onnx");
        Models.write(tagger(), file);
        Captured c = Captured.of("convert", file, out, "--weights", "int8");
        assertThat(c.err()).isEmpty();
        assertThat(c.out())
                .contains(
                        "error against the original (8 random steps of one stream, seed 1)\n"
                                + "  y  max ",
                        "error against the original, run with --weights int8 (8 random steps of one"
                                + " stream, seed 1)\n  y  max ",
                        "\nweights that are off by most\n  ",
                        " row ",
                        "\nweights as the int8 kernels pack them, off from those of " + out + "\n");
        // Half a step, and what of it was lost already when the file was written.
        assertThat(c.out().lines().filter(line -> line.startsWith("  gru  "))).hasSize(2);
        assertThat(
                        Captured.of(
                                        "convert",
                                        file,
                                        out,
                                        "--weights",
                                        "int8",
                                        "--force",
                                        "--max-error",
                                        "1e-6")
                                .exit())
                .isEqualTo(1);
    }

    private static Tensor rounded(Tensor t) {
        float[] values = t.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.round(values[i] * 64) / 64f;
        }
        return Tensor.ofFloats(t.shape(), values);
    }
}
