package dev.runnel.internal.op;

import static dev.runnel.graph.DType.FLOAT32;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.kernel.ArithmeticKernels;
import dev.runnel.internal.kernel.BinaryFunction;
import dev.runnel.internal.kernel.DenseKernels;
import dev.runnel.internal.memory.Elements;
import dev.runnel.internal.memory.Operand;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// `BatchNormalization` of x\[N, C, …\]: `y = (x - mean) · scale / √(var + epsilon) + B` for each
/// channel, by the given mean and variance; with `training_mode` by those of x itself, which then
/// move the running ones: `running · momentum + own · (1 - momentum)`.
final class BatchNormalization implements Operator {
    @Override
    public List<TensorType> infer(Call call) {
        call.requireInputs(5, 5);
        call.requireType(0, DTypes.FLOATS);
        call.floatAttribute("epsilon", 1e-5f);
        call.floatAttribute("momentum", 0.9f);
        Shape x = call.shape(0);
        if (x.rank() < 1) {
            throw call.malformed("input 0 is a scalar, expected [N, C, …]");
        }
        Shape channels = Shape.of(x.rank() < 2 ? 1 : x.dim(1));
        for (int i = 1; i < 5; i++) {
            call.requireType(i, DTypes.FLOATS);
            if (!call.shape(i).equals(channels)) {
                throw call.malformed(
                        "input "
                                + i
                                + " has shape "
                                + call.shape(i)
                                + ", expected "
                                + channels
                                + " = [C]");
            }
        }
        boolean training = call.flag("training_mode", false);
        if (!training && (call.wants(1) || call.wants(2))) {
            throw call.malformed(
                    "has outputs behind the first, expected them with training_mode=1 only");
        }
        return training ? List.of(call.type(0), call.type(3), call.type(4)) : List.of(call.type(0));
    }

    @Override
    public Program compile(Call call) {
        Shape x = call.shape(0);
        DType[] types = new DType[5];
        for (int i = 0; i < 5; i++) {
            types[i] = call.dtype(i);
        }
        if (!call.flag("training_mode", false) && call.dtype(0) == FLOAT32 && areKnown(call)) {
            return Known.of(call);
        }
        return new Affine(
                types,
                x.size(0),
                x.rank() < 2 ? 1 : x.size(1),
                Math.toIntExact(x.elements(Math.min(2, x.rank()), x.rank())),
                call.floatAttribute("epsilon", 1e-5f),
                call.floatAttribute("momentum", 0.9f),
                call.flag("training_mode", false));
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        if (in[0] == 1 && call.shape(0).rank() > 1) {
            return "has parameters that vary with time";
        }
        return call.flag("training_mode", false) ? "normalises over time" : null;
    }

    private static boolean areKnown(Call call) {
        boolean known = true;
        for (int i = 1; i < 5; i++) {
            known &= call.constant(i) != null;
        }
        return known;
    }

    /// With parameters known beforehand, a depthwise convolution with a kernel of 1: `y = x ·
    /// factor + shift`, one fma an element.
    ///
    /// @param parameters the factors of all channels, then what is added, float32
    private record Known(int batch, int channels, int plane, MemorySegment parameters)
            implements Program {
        private static final int[] ONE_TAP = {0};

        static Known of(Call call) {
            Shape x = call.shape(0);
            int channels = x.rank() < 2 ? 1 : x.size(1);
            float epsilon = call.floatAttribute("epsilon", 1e-5f);
            List<Tensor> sources = new ArrayList<>();
            for (int i = 1; i < 5; i++) {
                sources.add(Objects.requireNonNull(call.constant(i)));
            }
            MemorySegment parameters =
                    call.weights()
                            .pack(
                                    "batch normalization " + epsilon,
                                    sources,
                                    8L * channels,
                                    s -> pack(s, sources, channels, epsilon));
            return new Known(
                    x.size(0),
                    channels,
                    Math.toIntExact(x.elements(Math.min(2, x.rank()), x.rank())),
                    parameters);
        }

        private static void pack(
                MemorySegment s, List<Tensor> sources, int channels, float epsilon) {
            for (int c = 0; c < channels; c++) {
                double variance = sources.get(3).getDouble(c);
                double factor = sources.get(0).getDouble(c) / Math.sqrt(variance + epsilon);
                double shift = sources.get(1).getDouble(c) - sources.get(2).getDouble(c) * factor;
                Elements.setDouble(FLOAT32, s, 4L * c, factor);
                Elements.setDouble(FLOAT32, s, 4L * (channels + c), shift);
            }
        }

        @Override
        public boolean reads(int i) {
            return i == 0;
        }

        @Override
        public Step bind(Bench bench) {
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            DenseKernels dense = bench.kernels().dense();
            long row = 4L * plane;
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int n = 0; n < batch; n++) {
                        MemorySegment out = y.segment(r);
                        long image = n * channels * row;
                        long at = y.offset(r) + image;
                        dense.begin(channels, plane, parameters, 4L * channels, 4, out, at, row);
                        dense.accumulateEach(
                                channels,
                                plane,
                                parameters,
                                0,
                                4,
                                ONE_TAP,
                                x.segment(r),
                                x.offset(r) + image,
                                row,
                                ONE_TAP,
                                out,
                                at,
                                row);
                    }
                }
            };
        }
    }

    private record Affine(
            DType[] types,
            int batch,
            int channels,
            int plane,
            float epsilon,
            float momentum,
            boolean training)
            implements Program {
        /// For each channel its mean, the factor and what is added, in three rows of float32.
        @Override
        public long scratchBytes(int rows) {
            return 12L * channels;
        }

        @Override
        public Step bind(Bench bench) {
            return (from, to) -> {
                for (int r = from; r < to; r++) {
                    for (int c = 0; c < channels; c++) {
                        if (training) {
                            measure(bench, r, c);
                        }
                        prepare(bench, r, c);
                    }
                    for (int n = 0; n < batch; n++) {
                        apply(bench, r, n);
                    }
                }
            };
        }

        private double get(Bench bench, int i, int r, long index) {
            Operand o = bench.in(i);
            return Elements.getDouble(
                    types[i], o.segment(r), o.offset(r) + index * types[i].byteSize());
        }

        private static void put(@Nullable Operand o, int r, long index, double v) {
            if (o != null) {
                DType type = o.type().dtype();
                Elements.setDouble(type, o.segment(r), o.offset(r) + index * type.byteSize(), v);
            }
        }

        private @Nullable Operand output(Bench bench, int i) {
            return i < bench.outputs().size() ? bench.outputs().get(i) : null;
        }

        private double mean(Bench bench, int r, int c) {
            double sum = 0;
            for (int n = 0; n < batch; n++) {
                for (int i = 0; i < plane; i++) {
                    sum += get(bench, 0, r, ((long) n * channels + c) * plane + i);
                }
            }
            return sum / ((double) batch * plane);
        }

        private double variance(Bench bench, int r, int c, double mean) {
            double sum = 0;
            for (int n = 0; n < batch; n++) {
                for (int i = 0; i < plane; i++) {
                    double d = get(bench, 0, r, ((long) n * channels + c) * plane + i) - mean;
                    sum += d * d;
                }
            }
            return sum / ((double) batch * plane);
        }

        private void measure(Bench bench, int r, int c) {
            double mean = mean(bench, r, c);
            double variance = variance(bench, r, c, mean);
            put(output(bench, 1), r, c, get(bench, 3, r, c) * momentum + mean * (1.0 - momentum));
            put(
                    output(bench, 2),
                    r,
                    c,
                    get(bench, 4, r, c) * momentum + variance * (1.0 - momentum));
        }

        private void prepare(Bench bench, int r, int c) {
            double mean = training ? mean(bench, r, c) : get(bench, 3, r, c);
            double variance = training ? variance(bench, r, c, mean) : get(bench, 4, r, c);
            double factor = get(bench, 1, r, c) / Math.sqrt(variance + epsilon);
            Elements.setDouble(FLOAT32, bench.scratch(), 4L * c, mean);
            Elements.setDouble(FLOAT32, bench.scratch(), 4L * (channels + c), factor);
            Elements.setDouble(
                    FLOAT32, bench.scratch(), 4L * (2L * channels + c), get(bench, 2, r, c));
        }

        private void apply(Bench bench, int r, int n) {
            if (types[0] != FLOAT32) {
                elements(bench, r, n);
            } else if (plane == 1) {
                kernels(bench, r, (long) n * channels, 0, 1, channels);
            } else {
                for (int c = 0; c < channels; c++) {
                    kernels(bench, r, ((long) n * channels + c) * plane, c, 0, plane);
                }
            }
        }

        private void kernels(Bench bench, int r, long index, int c, int step, int n) {
            ArithmeticKernels k = bench.kernels().arithmetic();
            Operand x = bench.in(0);
            Operand y = bench.out(0);
            var s = bench.scratch();
            var out = y.segment(r);
            long at = y.offset(r) + 4 * index;
            k.apply(
                    BinaryFunction.SUB,
                    x.segment(r),
                    x.offset(r) + 4 * index,
                    1,
                    s,
                    4L * c,
                    step,
                    out,
                    at,
                    n);
            k.apply(BinaryFunction.MUL, out, at, 1, s, 4L * (channels + c), step, out, at, n);
            k.apply(BinaryFunction.ADD, out, at, 1, s, 4L * (2L * channels + c), step, out, at, n);
        }

        private void elements(Bench bench, int r, int n) {
            for (int c = 0; c < channels; c++) {
                double mean = Elements.getDouble(FLOAT32, bench.scratch(), 4L * c);
                double factor = Elements.getDouble(FLOAT32, bench.scratch(), 4L * (channels + c));
                double add = Elements.getDouble(FLOAT32, bench.scratch(), 4L * (2L * channels + c));
                for (int i = 0; i < plane; i++) {
                    long index = ((long) n * channels + c) * plane + i;
                    put(bench.out(0), r, index, (get(bench, 0, r, index) - mean) * factor + add);
                }
            }
        }
    }
}
