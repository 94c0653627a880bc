package dev.runnel.internal.kernel.vector;

import dev.runnel.internal.kernel.Lanes;

import java.lang.foreign.MemorySegment;

/// Products of rows of float32, wherever they lie: how [VectorPanelsUnpacked] reaches the copy of
/// [VectorPanelBlocks] of its own width, which has no name.
interface StrandProduct {
    /// Goes on with what lanes have in z: adds each of `rows` rows, `rowBytes` long and one behind
    /// the other from `from` on in `weights`, times a lane's next input.
    ///
    /// @param x of the first lane's first input; in bytes, as are the others
    /// @param z of the first lane's first sum
    /// @param lanes an even number
    void multiply(
            MemorySegment weights,
            long from,
            long rowBytes,
            int rows,
            Lanes at,
            long x,
            long z,
            int lanes);
}
