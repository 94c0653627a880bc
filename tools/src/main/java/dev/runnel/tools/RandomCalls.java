package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Port;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Random values for a model's inputs: floating-point elements in [-1, 1), integers in the range of
/// what they look up, see [IndexRange].
final class RandomCalls {
    private RandomCalls() {}

    /// Values for `calls` calls, of the shapes that the model's ports have in one step. The same
    /// seed gives the same.
    ///
    /// @param open the extent of dimensions that neither the graph nor the options fix
    static List<Map<String, Tensor>> of(Graph graph, Model model, int calls, long seed, int open) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Map<String, Tensor>> all = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            Map<String, Tensor> values = new LinkedHashMap<>();
            for (Port port : model.inputs()) {
                long below = port.dtype().isFloat() ? 0 : IndexRange.below(graph, port.name());
                values.put(port.name(), tensor(type(port, open), below, random));
            }
            all.add(values);
        }
        return all;
    }

    private static TensorType type(Port port, int open) {
        long[] dims = port.type().shape().dims();
        for (int a = 0; a < dims.length; a++) {
            boolean fixed =
                    port.declared().dims() != null && port.declared().dims().get(a).isFixed();
            dims[a] = fixed || dims[a] != 1 ? dims[a] : open;
        }
        return new TensorType(port.dtype(), Shape.of(dims));
    }

    private static Tensor tensor(TensorType type, long below, SplittableRandom random) {
        MemorySegment s = Arena.ofAuto().allocate(Math.max(type.byteSize(), 1), 64);
        s = s.asSlice(0, type.byteSize());
        int size = type.dtype().byteSize();
        for (long at = 0; at < s.byteSize(); at += size) {
            if (type.dtype().isFloat()) {
                set(s, at, type.dtype(), (float) random.nextDouble(-1, 1));
            } else {
                long most = type.dtype() == DType.BOOL ? 2 : 1L << Math.min(8 * size - 1, 62);
                set(s, at, size, random.nextLong(Math.min(below, most)));
            }
        }
        return new Tensor(type, s);
    }

    private static void set(MemorySegment s, long at, DType dtype, float x) {
        switch (dtype) {
            case FLOAT64 -> s.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, at, x);
            case FLOAT16 -> s.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(x));
            case BFLOAT16 -> {
                short upper = (short) (Float.floatToRawIntBits(x) >>> 16);
                s.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, upper);
            }
            default -> s.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, x);
        }
    }

    private static void set(MemorySegment s, long at, int size, long v) {
        switch (size) {
            case 8 -> s.set(ValueLayout.JAVA_LONG_UNALIGNED, at, v);
            case 4 -> s.set(ValueLayout.JAVA_INT_UNALIGNED, at, (int) v);
            case 2 -> s.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) v);
            default -> s.set(ValueLayout.JAVA_BYTE, at, (byte) v);
        }
    }
}
