package dev.runnel.internal.op;

import dev.runnel.graph.Shape;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/// How several tensors of different shapes are walked together, by the broadcasting rule of NumPy
/// and ONNX: shapes are aligned at their last axes, and an extent of 1 is repeated.
///
/// The walk is a sequence of runs of [#length] elements each. Within a run operand k either goes on
/// element by element ([#step]` = 1`) or stays where it is (0); between runs a [Cursor] says where
/// each operand stands. Axes along which all operands go on alike are one axis, so equal shapes are
/// one run, and so is a tensor with a scalar:
///
/// ```java
/// do {
///     kernel(a, aOffset + 4 * cursor.at(0), walk.step(0), b, bOffset + 4 * cursor.at(1), …, walk.length());
/// } while (cursor.next());
/// ```
public final class Broadcast {
    private final int length;
    private final int[] steps;
    private final int[] dims;
    private final long[][] strides;

    private Broadcast(int length, int[] steps, int[] dims, long[][] strides) {
        this.length = length;
        this.steps = steps;
        this.dims = dims;
        this.strides = strides;
    }

    /// The shape that all of `shapes` broadcast to.
    ///
    /// @throws dev.runnel.MalformedModelException by [Call#malformed] if they do not fit together
    public static Shape shape(Call call, Shape... shapes) {
        int rank = 0;
        for (Shape s : shapes) {
            rank = Math.max(rank, s.rank());
        }
        long[] dims = new long[rank];
        Arrays.fill(dims, 1);
        for (Shape s : shapes) {
            for (int a = 0, o = rank - s.rank(); a < s.rank(); a++, o++) {
                long d = s.dim(a);
                if (d != 1 && dims[o] != 1 && d != dims[o]) {
                    throw call.malformed(
                            "inputs have shapes "
                                    + Arrays.toString(shapes).replaceAll("^\\[|\\]$", "")
                                    + ", which do not broadcast: "
                                    + dims[o]
                                    + " against "
                                    + d
                                    + " at axis "
                                    + (o - rank)
                                    + ", expected equal extents or 1");
                }
                dims[o] = d == 1 ? dims[o] : d;
            }
        }
        return call.shapeOf(dims);
    }

    /// The walk over all elements of `out`, in row-major order.
    ///
    /// @param out the shape that is walked
    /// @param operands shapes that broadcast to `out`; `out` itself, if it is to be walked too, is
    ///   one
    public static Broadcast of(Shape out, Shape... operands) {
        int count = operands.length;
        int rank = out.rank();
        long[] dims = new long[rank];
        long[][] strides = new long[count][rank];
        int kept = 0;
        if (out.elements() == 0) {
            return new Broadcast(0, new int[count], new int[0], new long[count][0]);
        }
        for (int a = 0; a < rank; a++) {
            long d = out.dim(a);
            if (d == 1) {
                continue;
            }
            long[] here = new long[count];
            boolean joins = kept > 0 && dims[kept - 1] * d <= Integer.MAX_VALUE;
            for (int k = 0; k < count; k++) {
                here[k] = stride(operands[k], a - rank + operands[k].rank());
                joins &= kept > 0 && strides[k][kept - 1] == here[k] * d;
            }
            if (joins) {
                dims[kept - 1] *= d;
            } else {
                dims[kept++] = d;
            }
            for (int k = 0; k < count; k++) {
                strides[k][kept - 1] = here[k];
            }
        }
        int outer = Math.max(kept - 1, 0);
        int[] steps = new int[count];
        for (int k = 0; k < count; k++) {
            steps[k] = kept == 0 ? 0 : (int) strides[k][kept - 1];
            strides[k] = Arrays.copyOf(strides[k], outer);
        }
        return new Broadcast(
                kept == 0 ? 1 : Math.toIntExact(dims[kept - 1]),
                steps,
                Arrays.stream(dims).limit(outer).mapToInt(Math::toIntExact).toArray(),
                strides);
    }

    private static long stride(Shape shape, int axis) {
        return axis < 0 || shape.dim(axis) == 1 ? 0 : shape.elements(axis + 1, shape.rank());
    }

    /// Elements of one run.
    public int length() {
        return length;
    }

    /// How far operand `k` goes on from one element of a run to the next: 1, or 0 if it stays.
    public int step(int k) {
        return steps[k];
    }

    /// A cursor at the first run. Each step of a session has its own.
    public Cursor cursor() {
        return new Cursor();
    }

    /// Where the operands stand at the current run.
    public final class Cursor {
        private final int[] index = new int[dims.length];
        private final long[] at = new long[steps.length];

        /// The element of operand `k` with which the current run starts.
        public long at(int k) {
            return at[k];
        }

        /// Goes back to the first run.
        public void start() {
            Arrays.fill(index, 0);
            Arrays.fill(at, 0);
        }

        /// Goes on to the next run; after the last one back to the first.
        ///
        /// @return whether there was a next one
        public boolean next() {
            for (int a = dims.length - 1; a >= 0; a--) {
                if (++index[a] < dims[a]) {
                    for (int k = 0; k < at.length; k++) {
                        at[k] += strides[k][a];
                    }
                    return true;
                }
                index[a] = 0;
                for (int k = 0; k < at.length; k++) {
                    at[k] -= strides[k][a] * (dims[a] - 1);
                }
            }
            return false;
        }
    }

    /// [Operator#timeObstacle] of an operator that treats each element of its one output by itself:
    /// there is none as long as the inputs' time axes, aligned with the output's axes, are the
    /// output's time axis. Inputs without time are the same at every step.
    public static @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        int rank = call.outputTypes().getFirst().shape().rank();
        for (int i = 0; i < in.length; i++) {
            if (in[i] >= 0 && in[i] + rank - call.shape(i).rank() != out[0]) {
                return "does not align the time axis of its inputs with that of its output";
            }
        }
        return null;
    }
}
