package dev.runnel.internal.op;

import static dev.runnel.internal.op.LayoutTest.doubles;
import static dev.runnel.internal.op.LayoutTest.refused;
import static dev.runnel.internal.op.LayoutTest.run;
import static dev.runnel.internal.op.LayoutTest.yields;
import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;
import java.util.List;

/// QuantizeLinear and DequantizeLinear. What is expected was worked out by hand.
class QuantizationTest {
    private static final double INF = Double.POSITIVE_INFINITY;

    private static Tensor floats(Shape shape, double... values) {
        return tensor(DType.FLOAT32, shape, values);
    }

    private static Tensor scalar(DType dtype, double value) {
        return tensor(dtype, Shape.SCALAR, value);
    }

    private static OneNode node(String op, Tensor x, Tensor scale, Tensor zero) {
        return OneNode.of(op).fed(x).constant(scale).constant(zero);
    }

    // ---- QuantizeLinear

    @Test
    void quantize_roundsHalvesToEvenAndNaNToTheZeroPoint() {
        Tensor x = floats(Shape.of(8), -3, -1, 1, 3, 5, 2.9, 3.1, Double.NaN);
        yields(
                node("QuantizeLinear", x, scalar(DType.FLOAT32, 2), scalar(DType.INT8, 1)),
                Shape.of(8),
                -1,
                1,
                1,
                3,
                3,
                2,
                3,
                1);
    }

    @ParameterizedTest
    @CsvSource({"UINT8,0,255", "INT8,-128,127", "UINT16,0,65535", "INT16,-32768,32767"})
    void quantize_saturates(DType dtype, long low, long high) {
        Tensor x = floats(Shape.of(6), -INF, -1e30, -70000, 70000, 1e30, INF);
        yields(
                node("QuantizeLinear", x, scalar(DType.FLOAT32, 1), scalar(dtype, 7)),
                Shape.of(6),
                low,
                low,
                low,
                high,
                high,
                high);
    }

    @Test
    void quantize_withoutZeroPointYieldsUint8OrWhatIsSaid() {
        Tensor x = floats(Shape.of(3), -5, 4, 500);
        Tensor scale = scalar(DType.FLOAT32, 2);
        OneNode node = OneNode.of("QuantizeLinear").fed(x).constant(scale);
        Tensor y = run(node).getFirst();
        assertThat(y.dtype()).isEqualTo(DType.UINT8);
        assertThat(doubles(y)).containsExactly(0, 2, 250);
        Tensor z = run(node.with("output_dtype", DType.INT16.onnxCode())).getFirst();
        assertThat(z.dtype()).isEqualTo(DType.INT16);
        assertThat(doubles(z)).containsExactly(-2, 2, 250);
    }

    @Test
    void quantize_roundsTheQuotientToItsPrecision() {
        // 2048 / 3.5 = 585.14; float16 has steps of ½ there, and 585.5 is rounded to 586.
        Tensor x = tensor(DType.FLOAT16, Shape.of(1), 2048);
        Tensor half = scalar(DType.FLOAT16, 3.5);
        Tensor zero = scalar(DType.INT16, 0);
        yields(node("QuantizeLinear", x, half, zero), Shape.of(1), 585);
        Tensor other = scalar(DType.FLOAT16, 3.498046875); // 585.47, in steps of ½ 585.5
        yields(node("QuantizeLinear", x, other, zero), Shape.of(1), 586);
        yields(node("QuantizeLinear", x, other, zero).with("precision", 1), Shape.of(1), 585);
    }

    @Test
    void quantize_ofInt32() {
        Tensor x = tensor(DType.INT32, Shape.of(2), 300, -7);
        yields(
                node("QuantizeLinear", x, scalar(DType.FLOAT32, 2), scalar(DType.INT8, 0)),
                Shape.of(2),
                127,
                -4);
    }

    @Test
    void quantize_byAxis() {
        Tensor x = floats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor three = floats(Shape.of(3), 1, 2, 3);
        Tensor zeros = tensor(DType.UINT8, Shape.of(3), 0, 10, 20);
        yields(node("QuantizeLinear", x, three, zeros), Shape.of(2, 3), 1, 11, 21, 4, 12, 22);
        Tensor two = floats(Shape.of(2), 1, 2);
        Tensor zero = tensor(DType.UINT8, Shape.of(2), 0, 10);
        yields(
                node("QuantizeLinear", x, two, zero).with("axis", -2),
                Shape.of(2, 3),
                1,
                2,
                3,
                12,
                12,
                13);
    }

    // ---- DequantizeLinear

    @ParameterizedTest
    @CsvSource({"UINT8,128", "INT8,-5", "UINT16,40000", "INT16,-300", "INT32,0"})
    void dequantize_ofAllTypes(DType dtype, double zero) {
        Tensor x = tensor(dtype, Shape.of(3), 0, 100, 101);
        yields(
                node("DequantizeLinear", x, scalar(DType.FLOAT32, 0.5), scalar(dtype, zero)),
                Shape.of(3),
                (0 - zero) / 2,
                50 - zero / 2,
                50.5 - zero / 2);
    }

    @Test
    void dequantize_yieldsTheTypeOfTheScaleOrWhatIsSaid() {
        Tensor x = tensor(DType.INT8, Shape.of(2), -7, 3);
        OneNode node = OneNode.of("DequantizeLinear").fed(x).constant(scalar(DType.FLOAT16, 0.3));
        Tensor y = run(node).getFirst();
        assertThat(y.dtype()).isEqualTo(DType.FLOAT16);
        double third = scalar(DType.FLOAT16, 0.3).getDouble(0);
        double want = tensor(DType.FLOAT16, Shape.of(1), -7 * third).getDouble(0);
        assertThat(doubles(y)[0]).isEqualTo(want);
        Tensor z = run(node.with("output_dtype", DType.FLOAT32.onnxCode())).getFirst();
        assertThat(z.dtype()).isEqualTo(DType.FLOAT32);
        assertThat(doubles(z)).containsExactly((float) (-7 * third), (float) (3 * third));
    }

    @Test
    void dequantize_byBlocksOfTheLastAxis() {
        Tensor x = tensor(DType.INT8, Shape.of(2, 5), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        Tensor scale = floats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor zero = tensor(DType.INT8, Shape.of(2, 3), 0, 0, 0, 0, 0, 2);
        yields(
                node("DequantizeLinear", x, scale, zero).with("block_size", 2),
                Shape.of(2, 5),
                1,
                1,
                2,
                2,
                3,
                4,
                4,
                5,
                5,
                -6);
    }

    @Test
    void dequantize_byBlocksOfTheFirstAxis() {
        Tensor x = tensor(DType.UINT8, Shape.of(3, 2), 1, 1, 1, 1, 1, 1);
        Tensor scale = floats(Shape.of(2, 2), 1, 2, 3, 4);
        Tensor zero = tensor(DType.UINT8, Shape.of(2, 2), 0, 0, 0, 3);
        yields(
                node("DequantizeLinear", x, scale, zero).with("axis", 0).with("block_size", 2),
                Shape.of(3, 2),
                1,
                2,
                1,
                2,
                3,
                -8);
    }

    // ---- integers

    @Test
    void dynamic_takesZeroIntoTheRange() {
        List<Tensor> y =
                run(
                        OneNode.of("DynamicQuantizeLinear")
                                .fed(floats(Shape.of(3), 1, 2, 5.1))
                                .outputs(3));
        assertThat(doubles(y.get(0))).containsExactly(50, 100, 255);
        assertThat(y.get(1).getDouble(0)).isEqualTo(5.1f / 255);
        assertThat(y.get(2).getDouble(0)).isZero();
        List<Tensor> zeros =
                run(OneNode.of("DynamicQuantizeLinear").fed(floats(Shape.of(2), 0, 0)).outputs(3));
        assertThat(doubles(zeros.get(0))).containsExactly(0, 0);
        assertThat(zeros.get(1).getDouble(0)).isEqualTo(1);
    }

    @Test
    void matMulInteger_withZeroPointsForRowsAndColumns() {
        Tensor a = tensor(DType.UINT8, Shape.of(2, 2), 255, 1, 2, 3);
        Tensor b = tensor(DType.INT8, Shape.of(2, 3), 1, 2, 3, 4, 5, -128);
        Tensor aZero = tensor(DType.UINT8, Shape.of(2), 0, 1);
        Tensor bZero = tensor(DType.INT8, Shape.of(3), 0, 1, 127);
        double[] want = {259, 259, -31875, 9, 9, -634};
        yields(
                OneNode.of("MatMulInteger").fed(a).fed(b).fed(aZero).fed(bZero),
                Shape.of(2, 3),
                want);
        yields(
                OneNode.of("MatMulInteger").fed(a).constant(b).constant(aZero).constant(bZero),
                Shape.of(2, 3),
                want);
    }

    @Test
    void convInteger_padsWithTheZeroPoint() {
        Tensor x = tensor(DType.UINT8, Shape.of(1, 1, 3), 10, 11, 12);
        Tensor w = tensor(DType.INT8, Shape.of(2, 1, 2), 1, 2, -1, 3);
        OneNode node =
                OneNode.of("ConvInteger")
                        .fed(x)
                        .constant(w)
                        .constant(scalar(DType.UINT8, 9))
                        .constant(tensor(DType.INT8, Shape.of(2), 0, 1))
                        .with("pads", new long[] {1, 0});
        // x less its zero point: 0 1 2 3; weights: 1 2 and -2 2
        yields(node, Shape.of(1, 2, 3), 2, 5, 8, 2, 2, 2);
    }

    @Test
    void zeroPoints_thatDoNotFitAreRefused() {
        Tensor a = tensor(DType.UINT8, Shape.of(2, 2), 1, 1, 1, 1);
        Tensor three = tensor(DType.UINT8, Shape.of(3), 0, 0, 0);
        assertThatThrownBy(() -> run(OneNode.of("MatMulInteger").fed(a).fed(a).fed(three)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining(
                        "zero point has shape [3], expected one element or [2] = [M]");
    }

    // ---- what is refused

    @Test
    void shapes_thatDoNotFitAreRefused() {
        Tensor x = tensor(DType.INT8, Shape.of(2, 5), new double[10]);
        Tensor two = floats(Shape.of(2), 1, 1);
        refused(
                OneNode.of("DequantizeLinear").fed(x).constant(two),
                "scale has shape [2], expected [5] = the extent of axis 1 of [2, 5]");
        refused(
                OneNode.of("DequantizeLinear").fed(x).constant(two).with("block_size", 2),
                "scale has shape [2], expected [2, 3] = [2, 5] in blocks of 2 along axis 1");
        refused(
                OneNode.of("DequantizeLinear").fed(x).constant(two).with("block_size", -2),
                "block_size is -2, expected 0 or more");
        refused(
                node("DequantizeLinear", x, two, tensor(DType.INT8, Shape.of(3))).with("axis", 0),
                "zero point has shape [3], expected [2] as scale");
    }

    @Test
    void types_thatDoNotFitAreRefused() {
        Tensor x = floats(Shape.of(1), 1);
        Tensor one = scalar(DType.FLOAT32, 1);
        refused(
                node("QuantizeLinear", x, one, scalar(DType.INT8, 1)).with("output_dtype", 2),
                "output_dtype is uint8, expected int8 as the zero point");
        refused(
                node(
                        "DequantizeLinear",
                        tensor(DType.INT8, Shape.of(1)),
                        one,
                        scalar(DType.UINT8, 1)),
                "input 2 has element type uint8, expected int8 as input 0");
        assertThatThrownBy(
                        () ->
                                run(
                                        OneNode.of("QuantizeLinear")
                                                .fed(x)
                                                .constant(one)
                                                .with("output_dtype", 17)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageContaining("attribute 'output_dtype' is element type number 17");
    }

    // ---- time

    @Test
    void time_passesExceptAlongTheAxisOfTheScales() {
        Tensor x = floats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
        OneNode byAxis = OneNode.of("QuantizeLinear").fed(x).constant(floats(Shape.of(3), 1, 1, 1));
        OneNode byTensor = OneNode.of("QuantizeLinear").fed(x).constant(scalar(DType.FLOAT32, 1));
        String differ = "has scales that differ from step to step";
        assertThat(obstacle(byAxis, 0)).isNull();
        assertThat(obstacle(byAxis, 1)).isEqualTo(differ);
        assertThat(obstacle(byTensor, 1)).isNull();
    }

    private static String obstacle(OneNode node, int axis) {
        Call call = node.call(Arena.ofAuto());
        call.setOutputTypes(node.operator().infer(call));
        return node.operator().timeObstacle(call, new int[] {axis, -1}, new int[] {axis});
    }
}
