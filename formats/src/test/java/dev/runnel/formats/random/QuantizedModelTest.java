package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Options.KernelSet;
import dev.runnel.formats.Onnx;
import dev.runnel.formats.TensorFile;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Real models, quantised as ONNX Runtime's dynamic quantiser does it, by ONNX Runtime and by
/// Runnel.
class QuantizedModelTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    @ParameterizedTest
    @CsvSource({
        "dtln_1,false", "dtln_1,true",
        "tract_byte_bilstm,false", "tract_byte_bilstm,true",
        "pose_gru,false", "pose_gru,true",
        "silero_vad_v4,false", "silero_vad_v4,true"
    })
    void quantisedModel_isNearOnnxRuntime(String name, boolean perChannel) throws Exception {
        Path folder = SHARED.resolve("models").resolve(name);
        assumeTrue(Files.isDirectory(folder), () -> "not run: there is no model at " + folder);
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        ModelProto model = ModelProto.parseFrom(Files.readAllBytes(folder.resolve("model.onnx")));
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        for (int i = 0; i < model.getGraph().getInputCount(); i++) {
            // A later step, where the states are not zero.
            Path later = folder.resolve("test_data_set_3/input_" + i + ".pb");
            Path file =
                    Files.exists(later)
                            ? later
                            : folder.resolve("test_data_set_0/input_" + i + ".pb");
            if (Files.exists(file)) {
                inputs.put(model.getGraph().getInput(i).getName(), TensorFile.read(file));
            }
        }
        DynamicQuantizer quantizer = new DynamicQuantizer(perChannel);
        ModelProto quantised = quantizer.quantize(model);
        assertThat(quantizer.counts).isNotEmpty();
        Map<String, Tensor> exact = OnnxRuntime.run(model, inputs);
        Map<String, Tensor> want = OnnxRuntime.run(quantised, inputs);
        Map<String, Tensor> got = new Runs(quantised).run(KernelSet.SCALAR, inputs);
        boolean activations = quantizer.counts.containsKey("LSTM");
        for (String n : want.keySet()) {
            Tensor reference = Objects.requireNonNull(exact.get(n));
            Tensor ours = Objects.requireNonNull(got.get(n));
            Tensor theirs = Objects.requireNonNull(want.get(n));
            double error = distance(theirs, reference);
            assertThat(error).as(n + " by ONNX Runtime, against float32").isPositive();
            // What ONNX Runtime's rounding of an LSTM's activations to 8 bits makes.
            assertThat(distance(ours, theirs))
                    .as(n + " against ONNX Runtime")
                    .isLessThan(activations ? 0.03 : 1e-6);
            assertThat(distance(ours, reference))
                    .as(n + " against float32")
                    .isLessThan(1.2 * error + 1e-5);
        }
    }

    /// The static form: all that goes in and out of an operator quantised and dequantised.
    @Test
    void quantisedAndDequantised_isNearOnnxRuntime() throws Exception {
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        Dice dice = new Dice(5);
        ModelProto.Builder m = Onnx.model(13);
        m.getGraphBuilder().setInput(0, Onnx.value("x", 1, 4, 12));
        scaled(m, "scale", Tensor.ofFloats(Shape.SCALAR, 0.02f), DType.UINT8, 100);
        quantised(m, "x", "x_q");
        constant(m, "w8", Tensors.of(DType.INT8, Shape.of(5, 4, 3), integers(dice, 60, 127)));
        scaled(
                m,
                "w_scale",
                Tensor.ofFloats(Shape.of(5), dice.floats(5, 0.001, 0.01)),
                DType.INT8,
                0);
        dequantised(m, "w8", "w", "w_scale", 0);
        constant(m, "b32", Tensors.of(DType.INT32, Shape.of(5), integers(dice, 5, 3000)));
        constant(m, "b_scale", Tensor.ofFloats(Shape.SCALAR, 1e-4f));
        m.getGraphBuilder().addNode(Onnx.node("DequantizeLinear", "b32 b_scale", "b").setName("b"));
        m.getGraphBuilder().addNode(Onnx.node("Conv", "x_q w b", "c").setName("c"));
        quantised(m, "c", "c_q");
        constant(m, "v8", Tensors.of(DType.INT8, Shape.of(10, 7), integers(dice, 70, 127)));
        scaled(
                m,
                "v_scale",
                Tensor.ofFloats(Shape.of(7), dice.floats(7, 0.001, 0.01)),
                DType.INT8,
                0);
        dequantised(m, "v8", "v", "v_scale", 1);
        m.getGraphBuilder().addNode(Onnx.node("MatMul", "c_q v", "d").setName("d"));
        quantised(m, "d", "y");
        Tensor x = Tensor.ofFloats(Shape.of(1, 4, 12), dice.floats(48, -2, 2));
        Map<String, Tensor> want = OnnxRuntime.run(m.build(), Map.of("x", x));
        Map<String, Tensor> got = new Runs(m.build()).run(KernelSet.SCALAR, Map.of("x", x));
        assertThat(Agreement.near(got, want, 1e-5, 1e-4)).isNull();
    }

    private static double[] integers(Dice dice, int count, int most) {
        return Arrays.stream(dice.longs(count, -most, most)).asDoubleStream().toArray();
    }

    private static void constant(ModelProto.Builder m, String name, Tensor t) {
        m.getGraphBuilder().addInitializer(Tensors.proto(name, t, true));
    }

    /// Scales and, for each, a zero point.
    private static void scaled(
            ModelProto.Builder m, String name, Tensor scale, DType zeros, double zero) {
        double[] all = new double[(int) scale.elements()];
        Arrays.fill(all, zero);
        constant(m, name, scale);
        constant(m, name + "_zero", Tensors.of(zeros, scale.shape(), all));
    }

    private static void quantised(ModelProto.Builder m, String from, String to) {
        m.getGraphBuilder()
                .addNode(
                        Onnx.node("QuantizeLinear", from + " scale scale_zero", to + "8")
                                .setName(to + "8"));
        dequantised(m, to + "8", to, "scale", 1);
    }

    private static void dequantised(
            ModelProto.Builder m, String from, String to, String scale, long axis) {
        m.getGraphBuilder()
                .addNode(
                        Onnx.node(
                                        "DequantizeLinear",
                                        from + " " + scale + " " + scale + "_zero",
                                        to,
                                        Onnx.attribute("axis", axis))
                                .setName(to));
    }

    private static double distance(Tensor a, Tensor b) {
        double max = 0;
        for (int i = 0; i < a.elements(); i++) {
            max = Math.max(max, Math.abs(a.getDouble(i) - b.getDouble(i)));
        }
        return max;
    }
}
