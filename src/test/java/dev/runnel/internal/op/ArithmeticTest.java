package dev.runnel.internal.op;

import static dev.runnel.internal.op.OneNode.random;
import static dev.runnel.internal.op.OneNode.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;

import org.junit.jupiter.api.Test;

class ArithmeticTest {
    private static Tensor run(String op, Tensor... inputs) {
        OneNode node = OneNode.of(op);
        for (Tensor t : inputs) {
            node.fed(t);
        }
        return node.run(Kernels.preferred()).getFirst();
    }

    @Test
    void div_ofIntegers_truncates() {
        Tensor a = tensor(DType.INT32, Shape.of(4), 7, -7, 7, -7);
        Tensor b = tensor(DType.INT32, Shape.of(4), 2, 2, -2, 0);
        assertThat(run("Div", a, b).toLongs()).containsExactly(3, -3, -3, 0);
        Tensor big = OneNode.tensor(DType.UINT64, Shape.of(1), 0x1.8p63);
        Tensor two = OneNode.tensor(DType.UINT64, Shape.of(1), 2);
        assertThat(run("Div", big, two).toLongs()).containsExactly(0x60000000_00000000L);
        assertThat(run("Max", big, two).toLongs()).containsExactly(0xC0000000_00000000L);
        assertThat(run("Min", big, two).toLongs()).containsExactly(2);
    }

    @Test
    void add_ofNarrowIntegers_wraps() {
        Tensor a = tensor(DType.INT8, Shape.of(2), 127, -128);
        Tensor b = tensor(DType.INT8, Shape.of(2), 1, -1);
        assertThat(run("Add", a, b).toLongs()).containsExactly(-128, 127);
        Tensor u = tensor(DType.UINT16, Shape.of(1), 65535);
        assertThat(run("Mul", u, u).toLongs()).containsExactly(1);
    }

    @Test
    void mod_ofIntegers_takesTheSignAskedFor() {
        Tensor a = tensor(DType.INT64, Shape.of(3), -4, 7, 5);
        Tensor b = tensor(DType.INT64, Shape.of(3), 3, -3, 8);
        assertThat(run("Mod", a, b).toLongs()).containsExactly(2, -2, 5);
        assertThat(
                        OneNode.of("Mod")
                                .with("fmod", 1)
                                .fed(a)
                                .fed(b)
                                .run(Kernels.scalar())
                                .getFirst()
                                .toLongs())
                .containsExactly(-1, 1, 5);
        Tensor x = tensor(DType.FLOAT32, Shape.of(1), 1);
        assertThatThrownBy(() -> run("Mod", x, x))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (Mod): attribute 'fmod' is 0, expected 1 for float32"
                                + " inputs");
    }

    @Test
    void binary_ofBroadcastFloats_pairsThem() {
        Tensor a = random(1, Shape.of(2, 3, 1));
        Tensor b = random(2, Shape.of(3, 40));
        for (String op : new String[] {"Add", "Sub", "Mul", "Div"}) {
            Tensor y = run(op, a, b);
            assertThat(y.shape()).isEqualTo(Shape.of(2, 3, 40));
            for (int i = 0; i < 240; i++) {
                float u = (float) a.getDouble(i / 40);
                float v = (float) b.getDouble(i % 120);
                float want =
                        switch (op) {
                            case "Add" -> u + v;
                            case "Sub" -> u - v;
                            case "Mul" -> u * v;
                            default -> u / v;
                        };
                assertThat((float) y.getDouble(i)).isEqualTo(want);
            }
        }
    }

    @Test
    void variadic_ofSeveralInputs_joinsThemAll() {
        Tensor a = tensor(DType.FLOAT32, Shape.of(3), 1, 5, 3);
        Tensor b = tensor(DType.FLOAT32, Shape.of(1), 4);
        Tensor c = tensor(DType.FLOAT32, Shape.SCALAR, 2);
        assertThat(run("Sum", a, b, c).toFloats()).containsExactly(7, 11, 9);
        assertThat(run("Mean", c, b, b).toFloats()).containsExactly(10 / 3f);
        assertThat(run("Max", a, b, c).toFloats()).containsExactly(4, 5, 4);
        assertThat(run("Min", c, b, a).toFloats()).containsExactly(1, 2, 2);
        assertThat(run("Min", a).toFloats()).containsExactly(1, 5, 3);
    }

    @Test
    void prelu_withSlopePerChannel_leaks() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(2, 2), -1, 2, -3, -4);
        Tensor slope = tensor(DType.FLOAT32, Shape.of(2, 1), 0.5, 0.25);
        assertThat(run("PRelu", x, slope).toFloats()).containsExactly(-0.5f, 2, -0.75f, -1);
        assertThatThrownBy(() -> run("PRelu", slope, x))
                .isInstanceOf(MalformedModelException.class);
    }

    @Test
    void pow_ofMixedTypes_keepsTheBasesType() {
        Tensor x = tensor(DType.FLOAT32, Shape.of(3), 1.5, -2, 0);
        Tensor two = tensor(DType.INT64, Shape.SCALAR, 2);
        assertThat(
                        OneNode.of("Pow")
                                .fed(x)
                                .constant(two)
                                .run(Kernels.preferred())
                                .getFirst()
                                .toFloats())
                .containsExactly(2.25f, 4, 0);
        assertThat(run("Pow", x, two).toFloats()).containsExactly(2.25f, 4, 0);
        Tensor i = tensor(DType.INT32, Shape.of(3), 3, -1, 2);
        Tensor e = tensor(DType.INT32, Shape.of(3), 4, -3, -1);
        assertThat(run("Pow", i, e).toLongs()).containsExactly(81, -1, 0);
        Tensor half = tensor(DType.FLOAT32, Shape.SCALAR, 0.5);
        assertThat(run("Pow", i, half).toLongs()).containsExactly(1, 0, 1);
    }

    @Test
    void arithmetic_onHalves_roundsOnce() {
        Tensor a = tensor(DType.FLOAT16, Shape.of(1), 1000);
        Tensor b = tensor(DType.FLOAT16, Shape.of(1), 0.3);
        assertThat(run("Add", a, b).getDouble(0)).isEqualTo(1000.5);
        Tensor c = tensor(DType.BFLOAT16, Shape.of(1), 3);
        assertThat(run("Div", c, c).getDouble(0)).isEqualTo(1);
    }

    @Test
    void inputs_ofDifferentTypes_areRefused() {
        Tensor a = tensor(DType.FLOAT32, Shape.of(1), 1);
        Tensor b = tensor(DType.FLOAT64, Shape.of(1), 1);
        assertThatThrownBy(() -> run("Add", a, b))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "test: node 'n' (Add): input 1 has element type float64, expected float32 ="
                                + " that of input 0");
    }
}
