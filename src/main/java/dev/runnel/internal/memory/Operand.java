package dev.runnel.internal.memory;

import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Where one tensor lies while a plan runs: for each row of the session a segment and an offset in
/// it. Constants lie at one place for all rows; tensors of the session's block at a fixed stride; a
/// state's tensors wherever the state put on that row lies, so batching streams copies nothing.
public final class Operand {
    private final TensorType type;
    private final MemorySegment segment;
    private final long offset;
    private final long rowBytes;
    private final @Nullable Rows states;

    private Operand(
            TensorType type,
            MemorySegment segment,
            long offset,
            long rowBytes,
            @Nullable Rows states) {
        this.type = type;
        this.segment = segment;
        this.offset = offset;
        this.rowBytes = rowBytes;
        this.states = states;
    }

    /// The states put on a session's rows, set anew for each step.
    public static final class Rows {
        final MemorySegment[] segments;
        final long[] offsets;

        public Rows(int rows) {
            segments = new MemorySegment[rows];
            java.util.Arrays.fill(segments, MemorySegment.NULL);
            offsets = new long[rows];
        }

        /// Puts a state on `row`: its memory starts at `offset` of `segment`.
        public void set(int row, MemorySegment segment, long offset) {
            segments[row] = segment;
            offsets[row] = offset;
        }
    }

    /// A tensor that is the same for all rows.
    public static Operand constant(TensorType type, MemorySegment segment, long offset) {
        return new Operand(type, segment, offset, 0, null);
    }

    /// A tensor of a session's block: row r lies `r · rowBytes` behind `offset`.
    public static Operand block(TensorType type, MemorySegment block, long offset, long rowBytes) {
        return new Operand(type, block, offset, rowBytes, null);
    }

    /// A tensor of the states put on the rows: `offset` bytes into each state's memory.
    public static Operand state(TensorType type, Rows states, long offset) {
        return new Operand(type, MemorySegment.NULL, offset, 0, states);
    }

    /// The same memory seen with another type, for operators that only relabel it.
    public Operand as(TensorType other) {
        return new Operand(other, segment, offset, rowBytes, states);
    }

    public TensorType type() {
        return type;
    }

    /// The segment that holds row `row`'s tensor; native, in the platform's byte order.
    public MemorySegment segment(int row) {
        return states == null ? segment : states.segments[row];
    }

    /// Where in [#segment] row `row`'s tensor starts, in bytes; a multiple of the element size.
    public long offset(int row) {
        return states == null ? offset + row * rowBytes : states.offsets[row] + offset;
    }

    /// The distance from one row's tensor to the next in the same segment, in bytes: 0 for a
    /// constant; -1 for a tensor of states, which lie anywhere.
    public long rowStride() {
        return states == null ? rowBytes : -1;
    }

    /// Whether all rows see the same memory.
    public boolean isConstant() {
        return states == null && rowBytes == 0;
    }
}
