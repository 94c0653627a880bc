package dev.runnel.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.graph.Precision;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// Calls of every method of the kernels' interfaces, for narrow, odd and wide shapes and one to
/// eight lanes: what the guards run. A method that is not here makes them fail.
final class KernelCases {
    private static final int[] SIZES = {8, 33, 128};
    private static final int MOST_LANES = 8;

    /// So many that weights of fewer bits are unpacked before.
    private static final int UNPACKING_LANES = 16;

    private static final int INPUTS = 40;

    /// Methods that compute nothing.
    private static final Set<String> EXEMPT = Set.of("RecurrentKernels.panelWidth");

    /// One call.
    ///
    /// @param label its shape
    record Case(String label, Consumer<Kernels> call) {}

    private final Arena arena = Arena.ofAuto();
    private final Map<String, List<Case>> cases = new TreeMap<>();

    KernelCases() {
        for (int size : SIZES) {
            recurrent(size);
            dense(size);
            rows(size);
            elements(size);
        }
    }

    /// By `Interface.method`, and for one that takes a function as many as there are functions.
    Map<String, List<Case>> all() {
        return cases;
    }

    /// `Interface.method` of all kernels that have no case.
    Set<String> forgotten() {
        Set<String> methods = new TreeSet<>();
        for (RecordComponent component : Kernels.class.getRecordComponents()) {
            Class<?> kernels = component.getType();
            for (Method method : kernels.isInterface() ? kernels.getMethods() : new Method[0]) {
                if (!Modifier.isStatic(method.getModifiers())) {
                    methods.add(kernels.getSimpleName() + "." + method.getName());
                }
            }
        }
        methods.removeAll(EXEMPT);
        cases.keySet().forEach(name -> methods.remove(name.split(" ")[0]));
        return methods;
    }

    private void add(String name, String label, Consumer<Kernels> call) {
        cases.computeIfAbsent(name, n -> new ArrayList<>()).add(new Case(label, call));
    }

    private MemorySegment floats(long bytes) {
        MemorySegment s = arena.allocate(bytes + 64, 64);
        for (long i = 0; i < bytes / 4; i++) {
            s.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i));
        }
        return s;
    }

    private void recurrent(int h) {
        int columns = Panels.padded(2 * h) + 2 * Panels.padded(h) + Panels.padded(4 * h);
        MemorySegment s = floats(Lanes.byteSize(UNPACKING_LANES, h, INPUTS + 2 * h, columns));
        Lanes at = Lanes.of(s, UNPACKING_LANES, INPUTS, h, INPUTS + 2 * h, columns);
        String on = "RecurrentKernels.";
        for (int l = 1; l <= UNPACKING_LANES; l = l == MOST_LANES ? UNPACKING_LANES : l + 1) {
            int lanes = l;
            for (Precision precision : Precision.values()) {
                for (Panels panels : panels(precision, h)) {
                    add(
                            on + "multiply",
                            precision + " " + h + " x " + l + " " + panels.panels()[0].continues(),
                            k -> k.recurrent().multiply(panels, lanes % 2 == 0, at, lanes));
                }
            }
            add(on + "rnn", h + " x " + l, k -> k.recurrent().rnn(at, lanes));
            add(on + "lstm", h + " x " + l, k -> k.recurrent().lstm(at, lanes));
            add(on + "gru", h + " x " + l, k -> k.recurrent().gru(at, lanes));
            add(on + "gruReset", h + " x " + l, k -> k.recurrent().gruReset(at, lanes));
            add(on + "gruUpdate", h + " x " + l, k -> k.recurrent().gruUpdate(at, lanes));
        }
        add("RecurrentKernels.copy", h + "", k -> k.recurrent().copy(s, 0, s, 4L * h, h));
    }

    /// Panels that begin their sums and panels that go on with them.
    private List<Panels> panels(Precision precision, int h) {
        int width = Kernels.panelWidth();
        var all = new PanelLayout.Range(0, INPUTS + h);
        PanelLayout first =
                new PanelLayout(width, precision).group(0, 4 * h, 0, INPUTS, false, true, all);
        PanelLayout rest =
                new PanelLayout(width, precision)
                        .group(0, 4 * h, INPUTS, INPUTS + h, true, false, all);
        var weights = PanelLayout.Source.of((g, column, k) -> (float) Math.sin(column + k));
        return Stream.of(first, rest)
                .map(
                        layout -> {
                            Panels p = layout.over(arena.allocate(layout.byteSize(), 64));
                            layout.packing().pack(p, weights);
                            return p;
                        })
                .toList();
    }

    private void dense(int n) {
        MemorySegment a = floats(4L * MOST_LANES * INPUTS);
        MemorySegment b = floats(4L * n * INPUTS);
        MemorySegment c = floats(4L * MOST_LANES * n);
        int[] aTaps = taps(4);
        int[] bTaps = taps(4 * n);
        for (int rows = 1; rows <= MOST_LANES; rows++) {
            int m = rows;
            add(
                    "DenseKernels.accumulate",
                    n + " x " + m,
                    k ->
                            k.dense()
                                    .accumulate(
                                            m,
                                            n,
                                            a,
                                            0,
                                            4L * INPUTS,
                                            aTaps,
                                            b,
                                            0,
                                            bTaps,
                                            c,
                                            0,
                                            4L * n));
        }
    }

    /// What a convolution adds: rows with a matrix each, and rows that begin with one number.
    private void rows(int n) {
        MemorySegment a = floats(4L * MOST_LANES * INPUTS);
        MemorySegment b = floats(4L * MOST_LANES * n * INPUTS);
        MemorySegment c = floats(4L * MOST_LANES * n);
        int[] aTaps = taps(4);
        int[] bTaps = taps(4 * n);
        long aStep = 4L * INPUTS;
        long bStep = 4L * n * INPUTS;
        for (int m = 1; m <= MOST_LANES; m++) {
            int rows = m;
            add(
                    "DenseKernels.accumulateEach",
                    n + " x " + m,
                    k ->
                            k.dense()
                                    .accumulateEach(
                                            rows, n, a, 0, aStep, aTaps, b, 0, bStep, bTaps, c, 0,
                                            4L * n));
            add(
                    "DenseKernels.begin",
                    n + " x " + m,
                    k -> k.dense().begin(rows, n, a, 0, 4, c, 0, 4L * n));
        }
    }

    private static int[] taps(int step) {
        int[] taps = new int[INPUTS];
        for (int i = 0; i < INPUTS; i++) {
            taps[i] = i * step;
        }
        return taps;
    }

    private void elements(int n) {
        MemorySegment a = floats(4L * n);
        MemorySegment b = floats(4L * n);
        MemorySegment c = floats(4L * n);
        for (UnaryFunction f : UnaryFunction.values()) {
            add("ElementKernels.apply " + f, n + "", k -> k.elements().apply(f, a, 0, c, 0, n));
        }
        for (BinaryFunction f : BinaryFunction.values()) {
            for (int steps = 0; steps < 4; steps++) {
                int aStep = steps & 1;
                int bStep = steps >> 1;
                add(
                        "ArithmeticKernels.apply " + f,
                        n + " steps " + aStep + " " + bStep,
                        k -> k.arithmetic().apply(f, a, 0, aStep, b, 0, bStep, c, 0, n));
            }
        }
        for (Reduction f : Reduction.values()) {
            add("ArithmeticKernels.reduce " + f, n + "", k -> k.arithmetic().reduce(f, a, 0, n));
        }
    }
}
