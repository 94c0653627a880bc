package dev.runnel.internal.op;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Operators whose outputs are known once shapes and parameters are: Constant-21,
/// ConstantOfShape-21, Shape-21, Size-21 and Range-11. Planners fold them.
final class Generating {
    /// The operator of that name, if it is one of this family.
    static @Nullable Operator of(String name) {
        return switch (name) {
            case "Constant" -> new Constant();
            case "ConstantOfShape" -> new ConstantOfShape();
            case "Shape" -> new ShapeOf(false);
            case "Size" -> new ShapeOf(true);
            case "Range" -> new Range();
            default -> null;
        };
    }

    private Generating() {}

    /// Writes one row's output.
    @FunctionalInterface
    interface Writer {
        void write(MemorySegment y, long offset);
    }

    static void write(long[] values, MemorySegment y, long offset) {
        for (int i = 0; i < values.length; i++) {
            y.set(JAVA_LONG_UNALIGNED, offset + 8L * i, values[i]);
        }
    }

    /// A program that reads no input.
    record Writing(Writer writer) implements Program {
        @Override
        public boolean reads(int i) {
            return false;
        }

        @Override
        public Step bind(Bench bench) {
            Operand y = bench.out(0);
            return (from, to) -> {
                for (int row = from; row < to; row++) {
                    writer.write(y.segment(row), y.offset(row));
                }
            };
        }
    }

    private static final class Constant implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(0, 0);
            return List.of(value(call).type());
        }

        private static Tensor value(Call call) {
            if (call.node().attributes().size() != 1) {
                throw call.malformed(
                        "has attributes "
                                + call.node().attributes().keySet()
                                + ", expected exactly one value");
            }
            Tensor tensor = call.tensorAttribute("value");
            if (tensor != null) {
                return tensor;
            }
            List<Float> floats = call.floatsAttribute("value_floats");
            List<Long> longs = call.longsAttribute("value_ints");
            if (floats != null) {
                float[] values = new float[floats.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = floats.get(i);
                }
                return Tensor.ofFloats(Shape.of(values.length), values);
            }
            if (longs != null) {
                return Tensor.ofLongs(
                        Shape.of(longs.size()),
                        longs.stream().mapToLong(Long::longValue).toArray());
            }
            if (call.hasAttribute("value_float")) {
                return Tensor.ofFloats(Shape.SCALAR, call.floatAttribute("value_float", 0));
            }
            if (call.hasAttribute("value_int")) {
                return Tensor.ofLongs(Shape.SCALAR, call.longAttribute("value_int", 0));
            }
            throw call.unsupported(
                    "value is given by attribute "
                            + call.node().attributes().keySet()
                            + ", supported are numbers: value, value_float, value_floats,"
                            + " value_int, value_ints");
        }

        @Override
        public Program compile(Call call) {
            Tensor value = value(call);
            long bytes = value.data().byteSize();
            return new Writing(
                    (y, offset) -> MemorySegment.copy(value.data(), 0, y, offset, bytes));
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return null;
        }
    }

    private static final class ConstantOfShape implements Operator {
        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 1);
            Tensor value = call.tensorAttribute("value");
            if (value != null && value.elements() != 1) {
                throw call.malformed("value is " + value + ", expected one element");
            }
            DType type = value == null ? DType.FLOAT32 : value.dtype();
            return List.of(new TensorType(type, call.shapeOf(call.longs(0, "shape"))));
        }

        @Override
        public Program compile(Call call) {
            TensorType type = call.outputTypes().getFirst();
            int size = type.dtype().byteSize();
            Tensor value = call.tensorAttribute("value");
            long bits = value == null ? 0 : Fill.bits(size, value.data(), 0);
            long n = type.shape().elements();
            return new Writing((y, offset) -> Fill.fill(size, bits, y, offset, n));
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return null;
        }
    }

    /// Shape, or the product of it.
    private record ShapeOf(boolean product) implements Operator {
        @Override
        public boolean readsOnlyTypes() {
            return true;
        }

        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(1, 1);
            long[] values = values(call);
            Shape shape = product ? Shape.SCALAR : Shape.of(values.length);
            return List.of(new TensorType(DType.INT64, shape));
        }

        private long[] values(Call call) {
            Shape shape = call.shape(0);
            if (product) {
                return new long[] {shape.elements()};
            }
            int rank = shape.rank();
            int start = bound(call.longAttribute("start", 0), rank);
            int end = bound(call.longAttribute("end", rank), rank);
            return java.util.Arrays.copyOfRange(shape.dims(), start, Math.max(start, end));
        }

        private static int bound(long axis, int rank) {
            return Math.clamp(axis < 0 ? axis + rank : axis, 0, rank);
        }

        @Override
        public Program compile(Call call) {
            long[] values = values(call);
            return new Writing((y, offset) -> write(values, y, offset));
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return null;
        }
    }

    /// `start, start + delta, …` as long as it is before `limit`; element i is start + i·delta.
    private static final class Range implements Operator {
        private static final String[] NAMES = {"start", "limit", "delta"};

        @Override
        public List<TensorType> infer(Call call) {
            call.requireInputs(3, 3);
            for (int i = 0; i < 3; i++) {
                call.requireSameType(0, i);
                if (call.shape(i).elements() != 1 || call.dtype(i) == DType.BOOL) {
                    throw call.malformed(
                            NAMES[i] + " is " + call.type(i) + ", expected one number");
                }
            }
            return List.of(new TensorType(call.dtype(0), call.shapeOf(count(call))));
        }

        private static long count(Call call) {
            if (call.dtype(0).isFloat()) {
                double start = call.value(0).getDouble(0);
                double limit = call.value(1).getDouble(0);
                double delta = call.value(2).getDouble(0);
                double count = Math.ceil((limit - start) / delta);
                if (delta == 0 || Double.isNaN(count) || count > 0x1p62) {
                    throw endless(call, start + " to " + limit + " by " + delta);
                }
                return Math.max(0, (long) count);
            }
            // An unsigned start and limit are compared as they are, the delta is never negative.
            boolean unsigned = call.dtype(0) == DType.UINT64;
            long start = call.value(0).getLong(0);
            long limit = call.value(1).getLong(0);
            long delta = call.value(2).getLong(0);
            int order = unsigned ? Long.compareUnsigned(start, limit) : Long.compare(start, limit);
            if (delta == 0) {
                throw endless(call, start + " to " + limit + " by " + delta);
            }
            boolean up = delta > 0 || unsigned;
            if (order == 0 || (order < 0) != up) {
                return 0;
            }
            long span = up ? limit - start : start - limit;
            return Long.divideUnsigned(span - 1, up ? delta : -delta) + 1;
        }

        private static RuntimeException endless(Call call, String what) {
            return call.malformed("goes from " + what + ", which never ends");
        }

        @Override
        public Program compile(Call call) {
            DType type = call.dtype(0);
            int size = type.byteSize();
            long n = call.outputTypes().getFirst().shape().elements();
            if (type.isFloat()) {
                double start = call.value(0).getDouble(0);
                double delta = call.value(2).getDouble(0);
                return new Writing(
                        (y, offset) -> {
                            for (long i = 0; i < n; i++) {
                                Elements.setDouble(type, y, offset + size * i, start + i * delta);
                            }
                        });
            }
            long start = call.value(0).getLong(0);
            long delta = call.value(2).getLong(0);
            return new Writing(
                    (y, offset) -> {
                        for (long i = 0; i < n; i++) {
                            Elements.setLong(type, y, offset + size * i, start + i * delta);
                        }
                    });
        }

        @Override
        public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
            return out[0] < 0 ? null : "numbers the time steps";
        }
    }
}
