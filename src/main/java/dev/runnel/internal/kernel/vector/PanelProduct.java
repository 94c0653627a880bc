package dev.runnel.internal.kernel.vector;

import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.Panels.Panel;

import java.lang.foreign.MemorySegment;

/// The product of one panel with the inputs of the lanes: how [VectorRecurrent] reaches the copy of
/// [VectorPanels] of its own width, which has no name.
interface PanelProduct {
    void multiply(Panel panel, MemorySegment weights, Lanes at, int lanes);
}
