package dev.runnel.internal.kernel.vector;

import dev.runnel.internal.kernel.RecurrentKernels;

/// [RecurrentKernels] by the Vector API, at the width of [Width].
final class VectorRecurrent implements RecurrentKernels {}
