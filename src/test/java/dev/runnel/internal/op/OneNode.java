package dev.runnel.internal.op;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Node;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;
import dev.runnel.internal.memory.Weights;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// A single node, run without a plan: in rows that must agree to the bit, three unless told.
final class OneNode {
    private final String op;
    private final Map<String, Attribute> attributes = new HashMap<>();
    private final List<@Nullable Tensor> inputs = new ArrayList<>();
    private final List<Boolean> constant = new ArrayList<>();
    private Precision precision = Precision.F32;
    private int outputs = 1;
    private int rows = 3;

    private OneNode(String op) {
        this.op = op;
    }

    static OneNode of(String op) {
        return new OneNode(op);
    }

    OneNode with(String name, long value) {
        attributes.put(name, new Attribute.OfLong(value));
        return this;
    }

    OneNode with(String name, float value) {
        attributes.put(name, new Attribute.OfFloat(value));
        return this;
    }

    OneNode with(String name, String value) {
        attributes.put(name, new Attribute.OfString(value));
        return this;
    }

    OneNode with(String name, long[] values) {
        attributes.put(
                name, new Attribute.OfLongs(java.util.Arrays.stream(values).boxed().toList()));
        return this;
    }

    OneNode with(String name, Attribute value) {
        attributes.put(name, value);
        return this;
    }

    OneNode with(String name, float[] values) {
        List<Float> list = new ArrayList<>();
        for (float v : values) {
            list.add(v);
        }
        attributes.put(name, new Attribute.OfFloats(list));
        return this;
    }

    OneNode with(String name, List<String> values) {
        attributes.put(name, new Attribute.OfStrings(values));
        return this;
    }

    /// An input that is fed anew for each run.
    OneNode fed(Tensor value) {
        inputs.add(value);
        constant.add(false);
        return this;
    }

    /// An input known while planning.
    OneNode constant(Tensor value) {
        inputs.add(value);
        constant.add(true);
        return this;
    }

    OneNode absent() {
        inputs.add(null);
        constant.add(true);
        return this;
    }

    /// As what to pack constant matrices.
    OneNode weights(Precision value) {
        precision = value;
        return this;
    }

    OneNode outputs(int count) {
        outputs = count;
        return this;
    }

    OneNode rows(int count) {
        rows = count;
        return this;
    }

    Call call(Arena arena) {
        List<String> in = new ArrayList<>();
        List<Call.@Nullable Argument> arguments = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            Tensor t = inputs.get(i);
            in.add(t == null ? "" : "in" + i);
            arguments.add(
                    t == null ? null : new Call.Argument(t.type(), constant.get(i) ? t : null));
        }
        List<String> out = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            out.add("out" + i);
        }
        Node node = new Node("n", "", op, in, out, attributes);
        return new Call("test", node, arguments, new Weights(arena, precision));
    }

    Operator operator() {
        return Objects.requireNonNull(Operators.find("", op), op);
    }

    /// The outputs' values.
    List<Tensor> run(Kernels kernels) {
        Arena arena = Arena.ofAuto();
        Call call = call(arena);
        Operator operator = operator();
        call.setOutputTypes(operator.infer(call));
        assertThat(call.unreadAttributes()).isEmpty();
        Program program = operator.compile(call);
        if (program == Program.VIEW) {
            Tensor x = Objects.requireNonNull(inputs.getFirst());
            return List.of(new Tensor(call.outputTypes().getFirst(), x.data()));
        }
        List<@Nullable Operand> in = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            in.add(operand(arena, i));
        }
        List<@Nullable Operand> out = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            TensorType type = call.outputTypes().get(i);
            long stride = type.byteSize() + 12;
            MemorySegment s = arena.allocate(stride * rows + 4, 64).fill((byte) 0x55);
            out.add(Operand.block(type, s, 4, stride));
        }
        MemorySegment scratch = arena.allocate(Math.max(1, program.scratchBytes(rows)), 64);
        scratch.fill((byte) 0x7F);
        Step step = program.bind(new Bench(in, out, scratch, rows, kernels));
        step.run(0, rows);
        return out.stream().map(o -> tensor(Objects.requireNonNull(o))).toList();
    }

    private @Nullable Operand operand(Arena arena, int i) {
        Tensor t = inputs.get(i);
        if (t == null) {
            return null;
        }
        long bytes = t.type().byteSize();
        long stride = constant.get(i) ? 0 : bytes + 20;
        MemorySegment s = arena.allocate(stride * rows + bytes + 4, 64);
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(t.data(), 0, s, 4 + r * stride, bytes);
        }
        return constant.get(i)
                ? Operand.constant(t.type(), s, 4)
                : Operand.block(t.type(), s, 4, stride);
    }

    private Tensor tensor(Operand o) {
        long bytes = o.type().byteSize();
        MemorySegment first = o.segment(0).asSlice(o.offset(0), bytes);
        for (int r = 1; r < rows; r++) {
            MemorySegment other = o.segment(r).asSlice(o.offset(r), bytes);
            assertThat(first.mismatch(other)).as("row " + r + " against row 0").isEqualTo(-1);
        }
        return new Tensor(o.type(), first);
    }

    /// A tensor of any type.
    static Tensor tensor(DType dtype, Shape shape, double... values) {
        TensorType type = new TensorType(dtype, shape);
        MemorySegment s =
                Arena.ofAuto()
                        .allocate(Math.max(1, type.byteSize()), 64)
                        .asSlice(0, type.byteSize());
        for (int i = 0; i < values.length; i++) {
            Elements.setDouble(dtype, s, (long) i * dtype.byteSize(), values[i]);
        }
        return new Tensor(type, s);
    }

    /// A tensor of pseudo-random values in [-1, 1), the same for the same seed.
    static Tensor random(long seed, Shape shape) {
        java.util.Random random = new java.util.Random(seed);
        float[] v = new float[Math.toIntExact(shape.elements())];
        for (int i = 0; i < v.length; i++) {
            v[i] = random.nextFloat(-1, 1);
        }
        return Tensor.ofFloats(shape, v);
    }
}
