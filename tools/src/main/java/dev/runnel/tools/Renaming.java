package dev.runnel.tools;

import dev.runnel.graph.DType;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/// Finds tensors of two files that are the same under different names: those of the same content,
/// if each file has just one. Exporters add axes of extent 1 and transpose matrices, so axes of
/// extent 1 do not count, and a matrix may be the other's transpose. Tensors of few elements are
/// left alone: there content proves nothing.
final class Renaming {
    private static final int FEW = 4;
    private static final long CHUNK = 1 << 30; // a ByteBuffer holds 2 GB at most

    /// Values and what they are, to be a key.
    private record Content(DType dtype, List<Long> dims, MemorySegment data) {
        static Content of(Tensor t) {
            return new Content(
                    t.dtype(),
                    Arrays.stream(t.shape().dims()).filter(d -> d != 1).boxed().toList(),
                    t.data());
        }

        Content transposed() {
            MemorySegment to = Arena.ofAuto().allocate(data.byteSize());
            int size = dtype.byteSize();
            long rows = dims.getFirst();
            long columns = dims.getLast();
            for (long r = 0; r < rows; r++) {
                for (long c = 0; c < columns; c++) {
                    long from = (r * columns + c) * size;
                    MemorySegment.copy(data, from, to, (c * rows + r) * size, size);
                }
            }
            return new Content(dtype, dims.reversed(), to);
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof Content c
                    && dtype == c.dtype
                    && dims.equals(c.dims)
                    && data.mismatch(c.data) < 0;
        }

        @Override
        public int hashCode() {
            CRC32C crc = new CRC32C();
            for (long at = 0; at < data.byteSize(); at += CHUNK) {
                long n = Math.min(CHUNK, data.byteSize() - at);
                crc.update(data.asSlice(at, n).asByteBuffer());
            }
            return Long.hashCode(crc.getValue());
        }
    }

    private Renaming() {}

    /// The names in `b` by those in `a` of what is the same. The maps are what only one of the
    /// files has.
    static Map<String, String> between(Map<String, Tensor> a, Map<String, Tensor> b) {
        Map<String, String> renamed = new LinkedHashMap<>();
        Map<Content, List<String>> left = byContent(a);
        Map<Content, List<String>> right = byContent(b);
        left.forEach((content, names) -> match(names, right.get(content), renamed));
        left.forEach(
                (content, names) -> {
                    if (content.dims.size() == 2
                            && !renamed.containsKey(names.getFirst())
                            && right.keySet().stream()
                                    .anyMatch(c -> c.dims.equals(content.dims.reversed()))) {
                        match(names, right.get(content.transposed()), renamed);
                    }
                });
        return renamed;
    }

    private static void match(
            List<String> a, @Nullable List<String> b, Map<String, String> renamed) {
        if (a.size() == 1 && b != null && b.size() == 1 && !renamed.containsValue(b.getFirst())) {
            renamed.put(a.getFirst(), b.getFirst());
        }
    }

    private static Map<Content, List<String>> byContent(Map<String, Tensor> tensors) {
        Map<Content, List<String>> names = new LinkedHashMap<>();
        tensors.forEach(
                (name, t) -> {
                    if (t.elements() >= FEW && (t.dtype().isFloat() || t.dtype().byteSize() == 1)) {
                        names.computeIfAbsent(Content.of(t), k -> new ArrayList<>()).add(name);
                    }
                });
        return names;
    }
}
