package dev.runnel.internal.memory;

import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/// A model's packed weights: off-heap, written once, then read by all threads. Weights packed the
/// same way from the same tensors are packed once, however many plans use them.
public final class Weights {
    private record Key(String layout, List<Tensor> sources) {
        // A record's own, when first called, costs a process that starts some milliseconds.
        @Override
        public boolean equals(Object o) {
            return o instanceof Key k && layout.equals(k.layout) && sources.equals(k.sources);
        }

        @Override
        public int hashCode() {
            return 31 * layout.hashCode() + sources.hashCode();
        }
    }

    /// Remembers what it allocates.
    private record Parts(Arena arena, List<MemorySegment> segments) implements SegmentAllocator {
        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            MemorySegment s = arena.allocate(byteSize, byteAlignment);
            segments.add(s);
            return s;
        }
    }

    /// Packs into one segment.
    private record Whole(long byteSize, Consumer<MemorySegment> packer)
            implements Consumer<SegmentAllocator> {
        @Override
        public void accept(SegmentAllocator memory) {
            packer.accept(memory.allocate(byteSize, 64));
        }
    }

    /// Null if weights are counted, but not packed.
    private final @Nullable Arena arena;

    private final @Nullable Precision asked;

    /// As what constants that were computed while compiling lie in the model; F32 if not here.
    private final Map<Tensor, Precision> stored = new ConcurrentHashMap<>();

    private final Map<Key, List<MemorySegment>> packed = new HashMap<>();
    private final AtomicLong bytes = new AtomicLong();

    /// @param arena owned by the model, which closes it; null to count bytes and pack nothing, for
    ///   plans that are never bound
    /// @param asked precision of the matrices that have a choice; null for that of the model
    public Weights(@Nullable Arena arena, @Nullable Precision asked) {
        this.arena = arena;
        this.asked = asked;
    }

    /// As what to pack a matrix that a recurrence or a dense layer streams.
    public Precision precision(Tensor matrix) {
        return asked != null ? asked : stored(matrix);
    }

    /// As what `constant` lies in the model.
    public Precision stored(Tensor constant) {
        return stored.getOrDefault(constant, Precision.F32);
    }

    /// Takes note that `constant` lies in the model as `precision`.
    public void setStored(Tensor constant, Precision precision) {
        stored.put(constant, precision);
    }

    /// The segment for `sources` in `layout`: 64-byte aligned, zeroed, filled by `packer` the first
    /// time.
    ///
    /// @param layout names the packed order with everything it depends on besides the sources
    public MemorySegment pack(
            String layout, List<Tensor> sources, long byteSize, Consumer<MemorySegment> packer) {
        List<MemorySegment> one =
                packParts(layout, sources, byteSize, new Whole(Math.max(byteSize, 1), packer));
        return one.isEmpty() ? MemorySegment.NULL : one.getFirst();
    }

    /// The segments for `sources` in `layout` that `packer` has taken from its allocator, zeroed,
    /// and filled the first time, while other threads wait; none if weights are counted only.
    ///
    /// @param layout names the packed order with everything it depends on besides the sources
    /// @param byteSize of all of them
    public List<MemorySegment> packParts(
            String layout, List<Tensor> sources, long byteSize, Consumer<SegmentAllocator> packer) {
        Key key = new Key(layout, List.copyOf(sources));
        synchronized (packed) {
            List<MemorySegment> known = packed.get(key);
            if (known != null) {
                return known;
            }
            List<MemorySegment> parts = new ArrayList<>();
            if (arena != null) {
                packer.accept(new Parts(arena, parts));
            }
            bytes.addAndGet(byteSize);
            known = Collections.unmodifiableList(parts);
            packed.put(key, known);
            return known;
        }
    }

    /// The bytes packed, or counted, so far.
    public long byteSize() {
        return bytes.get();
    }
}
