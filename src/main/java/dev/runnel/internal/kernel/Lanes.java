package dev.runnel.internal.kernel;

import dev.runnel.internal.memory.Blocks;

import java.lang.foreign.MemorySegment;

/// Where the lanes of a recurrence lie while it is computed; a lane is one batch entry of one row.
/// All in one segment, all float32, offsets and strides in bytes; lane m lies m strides behind lane
/// 0. A kernel may write whatever it likes into the padding.
///
/// | part | floats a lane | content |
/// |---|---|---|
/// | x | I | the time step's input |
/// | h | H, or P of an LSTM with projection; right behind x | the hidden state, which the step replaces |
/// | r ⊙ h | H, right behind h | only for GRU with the reset gate before the product |
/// | m | H, right behind h | only for LSTM with projection: h before it is projected |
/// | z | all panels' columns | the gates' sums |
/// | a | as z | activated gates |
/// | c | H | LSTM's cell state, which the step replaces |
/// | unpacked | 32,768 in all, from 16 lanes on | weights of fewer bits as float32, for the moment |
///
/// @param hiddenSize H
/// @param m where LSTM's pass leaves h: at h, unless a projection follows
public record Lanes(
        MemorySegment memory,
        int hiddenSize,
        long x,
        long h,
        long m,
        long xStride,
        long z,
        long a,
        long zStride,
        long c,
        long cStride,
        long unpacked) {
    /// So many lanes have room for unpacked weights.
    public static final int UNPACKING = 16;

    /// Floats of unpacked weights.
    public static final int UNPACKED = 512 * 64;

    /// Lays out `lanes` lanes from offset 0 on, each part aligned to 64 bytes and padded so that a
    /// vector of 16 that starts in it ends in it.
    ///
    /// @param inputs I + H, or I + 2 · H for GRU with the reset gate before the product, or I + P +
    ///   H for LSTM with projection
    /// @param columns of z
    public static Lanes of(
            MemorySegment memory,
            int lanes,
            int inputSize,
            int hiddenSize,
            int inputs,
            int columns) {
        long xStride = stride(inputs);
        long zStride = stride(columns);
        long z = xStride * lanes;
        long a = z + zStride * lanes;
        long c = a + zStride * lanes;
        return new Lanes(
                memory,
                hiddenSize,
                0,
                4L * inputSize,
                4L * inputSize,
                xStride,
                z,
                a,
                zStride,
                c,
                stride(hiddenSize),
                c + stride(hiddenSize) * lanes);
    }

    /// The bytes that [#of] lays out.
    public static long byteSize(int lanes, int hiddenSize, int inputs, int columns) {
        return lanes * (stride(inputs) + 2 * stride(columns) + stride(hiddenSize))
                + unpackedBytes(lanes);
    }

    /// Lanes that have x and z only, from `offset` on.
    public static Lanes ofInputs(
            MemorySegment memory, long offset, int lanes, int inputSize, int columns) {
        long z = offset + stride(inputSize) * lanes;
        long end = z + stride(columns) * lanes;
        return new Lanes(
                memory, 0, offset, z, z, stride(inputSize), z, z, stride(columns), z, 0, end);
    }

    /// The bytes that [#ofInputs] lays out.
    public static long byteSizeOfInputs(int lanes, int inputSize, int columns) {
        return lanes * (stride(inputSize) + stride(columns)) + unpackedBytes(lanes);
    }

    /// With a line behind them for the end of a last vector.
    private static long unpackedBytes(int lanes) {
        return lanes < UNPACKING ? 0 : 4L * UNPACKED + Blocks.LINE;
    }

    /// These lanes with z elsewhere, as far apart.
    public Lanes withZ(long other) {
        return new Lanes(
                memory, hiddenSize, x, h, m, xStride, other, a, zStride, c, cStride, unpacked);
    }

    /// These lanes for another thread: what products write to lies `bytes` behind.
    Lanes shadow(long bytes) {
        return new Lanes(
                memory,
                hiddenSize,
                x,
                h,
                m,
                xStride,
                z + bytes,
                a,
                zStride,
                c,
                cStride,
                unpacked + bytes);
    }

    /// These lanes for an LSTM with projection, whose h takes `projected` floats.
    public Lanes withProjection(int projected) {
        long behind = h + 4L * projected;
        return new Lanes(
                memory, hiddenSize, x, h, behind, xStride, z, a, zStride, c, cStride, unpacked);
    }

    private static long stride(int floats) {
        return (4L * floats + 63 & -64) + 64;
    }
}
