package dev.runnel.internal.kernel.scalar;

import dev.runnel.internal.kernel.RecurrentKernels;

/// [RecurrentKernels] in plain Java.
public final class ScalarRecurrent implements RecurrentKernels {}
