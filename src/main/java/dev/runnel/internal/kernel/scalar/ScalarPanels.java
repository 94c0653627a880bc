package dev.runnel.internal.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.runnel.internal.kernel.Panels.Panel;
import dev.runnel.internal.memory.Blocks;

import java.lang.foreign.MemorySegment;

/// A panel of weights of fewer bits times the inputs of one lane, in plain Java; [Panels] has the
/// formats.
final class ScalarPanels {
    private ScalarPanels() {}

    static void bf16(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        if (!p.continues()) {
            MemorySegment.copy(w, p.offset(), s, z, 4L * p.width());
        }
        int half = p.width() / 2;
        long row = p.inputs();
        for (int k = p.from(); k < p.to(); k++, row += p.rowBytes()) {
            float xk = s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k);
            for (int l = 0; l < half; l++) {
                int pair = w.get(JAVA_INT_UNALIGNED, row + 4L * l);
                add(s, z + 4L * l, xk, Float.intBitsToFloat(pair & 0xFFFF0000));
                add(s, z + 4L * (half + l), xk, Float.intBitsToFloat(pair << 16));
            }
        }
    }

    static void int8(Panel p, MemorySegment w, MemorySegment s, long x, long z) {
        if (!p.continues()) {
            Blocks.clear(s, z, 4L * p.width());
        }
        int quarter = p.width() / 4;
        long row = p.inputs();
        for (int k = p.from(); k < p.to(); k++, row += p.rowBytes()) {
            float xk = s.get(JAVA_FLOAT_UNALIGNED, x + 4L * k);
            for (int l = 0; l < quarter; l++) {
                int lower = w.get(JAVA_INT_UNALIGNED, row + 4L * l - 2);
                add(s, z + 4L * l, xk, lower << 8);
                add(s, z + 4L * (quarter + l), xk, lower);
                int upper = w.get(JAVA_INT_UNALIGNED, row + 4L * l);
                add(s, z + 4L * (2 * quarter + l), xk, upper << 8);
                add(s, z + 4L * (3 * quarter + l), xk, upper);
            }
        }
        for (long at = 0; !p.open() && at < 4L * p.width(); at += 4) {
            float scale = w.get(JAVA_FLOAT_UNALIGNED, at);
            float bias = w.get(JAVA_FLOAT_UNALIGNED, 4L * p.width() + at);
            float sum = s.get(JAVA_FLOAT_UNALIGNED, z + at);
            s.set(JAVA_FLOAT_UNALIGNED, z + at, Math.fma(sum, scale, bias));
        }
    }

    private static void add(MemorySegment s, long z, float x, float w) {
        s.set(JAVA_FLOAT_UNALIGNED, z, Math.fma(x, w, s.get(JAVA_FLOAT_UNALIGNED, z)));
    }
}
