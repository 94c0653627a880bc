package dev.runnel.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Memory for many states of one size, allocated in chunks and handed out again once freed: a state
/// costs its own bytes and four more. Thread-safe.
public final class Slab {
    private static final long CHUNK_BYTES = 1 << 20;
    private static final int MAX_PER_CHUNK = 1024;

    private final Arena arena;
    private final long bytes;
    private final int perChunk;
    private final List<MemorySegment> chunks = new ArrayList<>();
    private int[] free = new int[0];
    private int freeCount;
    private int used;

    /// @param arena owned by the model, which closes it
    /// @param bytes of one state
    public Slab(Arena arena, long bytes) {
        this.arena = arena;
        this.bytes = bytes;
        this.perChunk = Math.clamp(CHUNK_BYTES / Math.max(bytes, 1), 1, MAX_PER_CHUNK);
    }

    /// Takes a place, zeroed.
    public synchronized int take() {
        int place = freeCount > 0 ? free[freeCount - 1] : used;
        if (place / perChunk == chunks.size()) {
            chunks.add(Blocks.allocate(arena, bytes * perChunk));
        } else {
            segment(place).asSlice(offset(place), bytes).fill((byte) 0);
        }
        // Counted only now that there is memory for it.
        if (freeCount > 0) {
            freeCount--;
        } else {
            used++;
        }
        return place;
    }

    /// Gives a place back.
    public synchronized void give(int place) {
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, Math.max(16, free.length * 2));
        }
        free[freeCount++] = place;
    }

    /// The segment that holds a place.
    public synchronized MemorySegment segment(int place) {
        return chunks.get(place / perChunk);
    }

    /// Where in [#segment] a place starts.
    public long offset(int place) {
        return place % perChunk * bytes;
    }

    /// Bytes of one state.
    public long byteSize() {
        return bytes;
    }
}
