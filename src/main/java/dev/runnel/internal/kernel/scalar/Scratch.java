package dev.runnel.internal.kernel.scalar;

/// A thread's arrays for the scalar kernels. Memory outside the heap is read quickly by compiled
/// code only; while a process is young the kernels bring it into arrays, in few large copies.
final class Scratch {
    private static final ThreadLocal<Scratch> OF_THREAD = new ThreadLocal<>();

    /// Room for this many floats: a panel's rows, a part at a time.
    static final int BLOCK = 4096;

    final float[] weights = new float[BLOCK];
    final float[] inputs = new float[BLOCK];
    final float[] sums = new float[BLOCK];

    private Scratch() {}

    static Scratch ofThread() {
        Scratch known = OF_THREAD.get();
        if (known == null) {
            known = new Scratch();
            OF_THREAD.set(known);
        }
        return known;
    }
}
