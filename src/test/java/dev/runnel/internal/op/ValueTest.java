package dev.runnel.internal.op;

import static dev.runnel.internal.op.LayoutTest.count;
import static dev.runnel.internal.op.LayoutTest.doubles;
import static dev.runnel.internal.op.LayoutTest.isView;
import static dev.runnel.internal.op.LayoutTest.longs;
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
import org.junit.jupiter.params.provider.EnumSource;

/// Operators that compare, choose, convert and generate values.
class ValueTest {
    private static final Tensor NONE = Tensor.ofFloats(Shape.of(0));

    private static OneNode of(String op, Tensor a, Tensor b) {
        return OneNode.of(op).fed(a).fed(b);
    }

    // ---- comparisons and logic

    @ParameterizedTest
    @EnumSource(DType.class)
    void comparisons_ofEveryType(DType dtype) {
        double two = dtype == DType.BOOL ? 1 : 2;
        Tensor a = tensor(dtype, Shape.of(3), 0, 1, 0);
        Tensor b = tensor(dtype, Shape.of(3), two, 1, 0);
        yields(of("Equal", a, b), Shape.of(3), 0, 1, 1);
        yields(of("Less", a, b), Shape.of(3), 1, 0, 0);
        yields(of("LessOrEqual", a, b), Shape.of(3), 1, 1, 1);
        yields(of("Greater", b, a), Shape.of(3), 1, 0, 0);
        yields(of("GreaterOrEqual", a, b), Shape.of(3), 0, 1, 1);
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT64", "FLOAT16", "BFLOAT16"})
    void comparisons_withNaNDoNotHold(DType dtype) {
        Tensor nan = tensor(dtype, Shape.of(1), Double.NaN);
        Tensor one = tensor(dtype, Shape.of(1), 1);
        for (String op :
                new String[] {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
            yields(of(op, nan, one), Shape.of(1), 0);
            yields(of(op, one, nan), Shape.of(1), 0);
            yields(of(op, nan, nan), Shape.of(1), 0);
        }
    }

    @Test
    void comparisons_broadcast() {
        yields(
                of("Less", count(DType.FLOAT32, 2, 1), count(DType.FLOAT32, 3)),
                Shape.of(2, 3),
                0,
                1,
                1,
                0,
                0,
                1);
        yields(of("Less", count(DType.FLOAT32, 0, 1), count(DType.FLOAT32, 3)), Shape.of(0, 3));
        refused(of("Less", longs(1), count(DType.INT32, 1)), "input 1 has element type int32");
    }

    @Test
    void comparisons_ofUnsigned64() {
        Tensor big =
                new Tensor(
                        new dev.runnel.graph.TensorType(DType.UINT64, Shape.of(1)),
                        longs(-1).data());
        Tensor one = tensor(DType.UINT64, Shape.of(1), 1);
        yields(of("Greater", big, one), Shape.of(1), 1);
        assertThat(run(OneNode.of("Cast").fed(big).with("to", 1)).getFirst().toFloats())
                .containsExactly(0x1p64f);
    }

    @Test
    void logic_followsItsTables() {
        Tensor a = tensor(DType.BOOL, Shape.of(4), 0, 0, 1, 1);
        Tensor b = tensor(DType.BOOL, Shape.of(4), 0, 1, 0, 1);
        yields(of("And", a, b), Shape.of(4), 0, 0, 0, 1);
        yields(of("Or", a, b), Shape.of(4), 0, 1, 1, 1);
        yields(of("Xor", a, b), Shape.of(4), 0, 1, 1, 0);
        yields(OneNode.of("Not").fed(a), Shape.of(4), 1, 1, 0, 0);
        refused(of("And", longs(1), longs(1)), "inputs have element type int64, expected bool");
        refused(OneNode.of("Not").fed(longs(1)), "input 0 has element type int64, expected bool");
    }

    // ---- Where

    @ParameterizedTest
    @EnumSource(DType.class)
    void where_choosesElementsOfEveryType(DType dtype) {
        OneNode node =
                OneNode.of("Where")
                        .fed(tensor(DType.BOOL, Shape.of(3), 1, 0, 1))
                        .fed(tensor(dtype, Shape.of(3), 1, 1, 1))
                        .fed(tensor(dtype, Shape.of(1), 0));
        yields(node, Shape.of(3), 1, 0, 1);
    }

    @Test
    void where_broadcastsTheCondition() {
        yields(
                OneNode.of("Where")
                        .fed(tensor(DType.BOOL, Shape.of(2, 1), 1, 0))
                        .fed(count(DType.FLOAT32, 3))
                        .fed(tensor(DType.FLOAT32, Shape.SCALAR, 7)),
                Shape.of(2, 3),
                0,
                1,
                2,
                7,
                7,
                7);
        yields(
                OneNode.of("Where")
                        .fed(tensor(DType.BOOL, Shape.of(0, 1)))
                        .fed(count(DType.FLOAT32, 3))
                        .fed(count(DType.FLOAT32)),
                Shape.of(0, 3));
        refused(OneNode.of("Where").fed(longs(1)).fed(NONE).fed(NONE), "expected bool");
    }

    // ---- Cast

    @ParameterizedTest
    @EnumSource(DType.class)
    void cast_fromAndToEveryType(DType to) {
        for (DType from : DType.values()) {
            Tensor x = tensor(from, Shape.of(3), 0, 1, 1);
            yields(OneNode.of("Cast").fed(x).with("to", to.onnxCode()), Shape.of(3), 0, 1, 1);
            yields(
                    OneNode.of("CastLike").fed(x).fed(tensor(to, Shape.of(0))),
                    Shape.of(3),
                    0,
                    1,
                    1);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "FLOAT32, INT64, -2.9, -2",
        "FLOAT32, INT32, 2.9, 2",
        "FLOAT32, UINT8, 255.5, 255",
        "FLOAT32, INT8, -128.9, -128",
        "FLOAT32, INT64, NaN, 0",
        "FLOAT32, BOOL, 0.5, 1",
        "FLOAT32, BOOL, -0.0, 0",
        "FLOAT32, BOOL, NaN, 1",
        "FLOAT64, BOOL, 0.25, 1",
        "INT32, BOOL, 256, 1",
        "INT64, UINT8, 257, 1",
        "INT64, INT8, 255, -1",
        "UINT8, INT8, 255, -1",
        "INT8, UINT16, -1, 65535",
        "FLOAT32, FLOAT16, 2049, 2048",
        "FLOAT32, FLOAT16, 2051, 2052",
        "FLOAT32, FLOAT16, 65520, Infinity",
        "FLOAT32, BFLOAT16, 257, 256",
        "FLOAT32, BFLOAT16, 259, 260",
        "FLOAT16, FLOAT32, 1.5, 1.5",
        "FLOAT64, FLOAT32, 1e300, Infinity",
        "FLOAT64, FLOAT32, 1.00000001, 1",
        // A way by float32 would round twice: to 1 + 2^-11, then to the even 1.
        "FLOAT64, FLOAT16, 1.00048828125582, 1.0009765625",
        "FLOAT64, BFLOAT16, 1.003906250001, 1.0078125",
    })
    void cast_converts(DType from, DType to, double value, double expected) {
        Tensor x = tensor(from, Shape.SCALAR, value);
        Tensor y = run(OneNode.of("Cast").fed(x).with("to", to.onnxCode())).getFirst();
        assertThat(y.dtype()).isEqualTo(to);
        assertThat(y.getDouble(0)).isEqualTo(expected);
    }

    @Test
    void cast_ofWideIntegersRoundsOnce() {
        // Halfway between floats but for the last bit, which a double cannot hold.
        long v = (1L << 60) + (1L << 36) + 1;
        Tensor y = run(OneNode.of("Cast").fed(longs(v)).with("to", 1)).getFirst();
        assertThat(y.toFloats()).containsExactly((float) v);
    }

    @Test
    void cast_toUnknownTypeIsRefused() {
        refused(OneNode.of("Cast").fed(NONE), "attribute 'to' is missing");
        assertThatThrownBy(() -> run(OneNode.of("Cast").fed(NONE).with("to", 8)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("test: node 'n' (Cast): attribute 'to' is element type number 8");
    }

    @Test
    void cast_toTheSameTypeHasNoStep() {
        assertThat(isView(OneNode.of("Cast").fed(NONE).with("to", 1))).isTrue();
    }

    // ---- Shape, Size, Range, ConstantOfShape, Constant

    @Test
    void shape_fromStartToEnd() {
        Tensor x = count(DType.FLOAT32, 2, 3, 4);
        yields(OneNode.of("Shape").fed(x), Shape.of(3), 2, 3, 4);
        yields(OneNode.of("Shape").fed(x).with("start", -2), Shape.of(2), 3, 4);
        yields(OneNode.of("Shape").fed(x).with("end", -1), Shape.of(2), 2, 3);
        yields(OneNode.of("Shape").fed(x).with("start", 2).with("end", 1), Shape.of(0));
        yields(OneNode.of("Shape").fed(x).with("start", -9).with("end", 9), Shape.of(3), 2, 3, 4);
        yields(OneNode.of("Size").fed(x), Shape.SCALAR, 24);
    }

    private static OneNode range(DType dtype, double start, double limit, double delta) {
        return OneNode.of("Range")
                .constant(tensor(dtype, Shape.SCALAR, start))
                .constant(tensor(dtype, Shape.SCALAR, limit))
                .constant(tensor(dtype, Shape.SCALAR, delta));
    }

    @Test
    void range_countsUpAndDown() {
        yields(range(DType.INT64, 1, 5, 2), Shape.of(2), 1, 3);
        yields(range(DType.INT64, 1, 6, 2), Shape.of(3), 1, 3, 5);
        yields(range(DType.INT32, 10, 6, -3), Shape.of(2), 10, 7);
        yields(range(DType.INT16, 3, 3, 1), Shape.of(0));
        yields(range(DType.UINT8, 4, 3, 1), Shape.of(0));
        yields(range(DType.FLOAT32, 0, 1, 0.25), Shape.of(4), 0, 0.25, 0.5, 0.75);
        yields(range(DType.FLOAT64, 1, -1, -0.75), Shape.of(3), 1, 0.25, -0.5);
        refused(range(DType.INT64, 0, 1, 0), "goes from 0 to 1 by 0, which never ends");
        refused(range(DType.FLOAT32, 0, Double.POSITIVE_INFINITY, 1), "which never ends");
        refused(range(DType.INT64, Long.MIN_VALUE, Long.MAX_VALUE, 1), "impossible shape");
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void constantOfShape_fills(DType dtype) {
        var attribute = new dev.runnel.graph.Attribute.OfTensor(tensor(dtype, Shape.of(1), 1));
        yields(
                OneNode.of("ConstantOfShape").constant(longs(2, 1)).with("value", attribute),
                Shape.of(2, 1),
                1,
                1);
    }

    @Test
    void constantOfShape_isZeroByDefault() {
        Tensor y = run(OneNode.of("ConstantOfShape").constant(longs())).getFirst();
        assertThat(y.dtype()).isEqualTo(DType.FLOAT32);
        assertThat(doubles(y)).containsExactly(0);
        refused(OneNode.of("ConstantOfShape").constant(longs(-1)), "impossible shape");
    }

    @Test
    void constant_isItsValue() {
        var attribute = new dev.runnel.graph.Attribute.OfTensor(count(DType.INT8, 2, 2));
        yields(OneNode.of("Constant").with("value", attribute), Shape.of(2, 2), 0, 1, 2, 3);
        yields(OneNode.of("Constant").with("value_int", 5), Shape.SCALAR, 5);
        yields(OneNode.of("Constant").with("value_float", 0.5f), Shape.SCALAR, 0.5);
        yields(OneNode.of("Constant").with("value_ints", new long[] {1, 2}), Shape.of(2), 1, 2);
        refused(OneNode.of("Constant"), "has attributes [], expected exactly one value");
        assertThatThrownBy(() -> run(OneNode.of("Constant").with("value_string", "a")))
                .isInstanceOf(UnsupportedModelException.class);
    }
}
