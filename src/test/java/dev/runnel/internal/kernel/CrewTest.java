package dev.runnel.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/// What helpers do, and may do wrong. The caller sleeps before it multiplies, so that they get a
/// core even where there is one.
class CrewTest {
    private static final int INPUTS = 300;
    private static final int COLUMNS = 1000;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final Thread caller = Thread.currentThread();
    private final Random random = new Random(3);

    /// What happens before a panel, or several, are multiplied.
    private interface Incident {
        void happen() throws InterruptedException;
    }

    private Kernels kernels(Incident ofCaller, Incident ofHand) {
        RecurrentKernels scalar = Kernels.scalar().recurrent();
        RecurrentKernels eventful =
                (RecurrentKernels)
                        Proxy.newProxyInstance(
                                RecurrentKernels.class.getClassLoader(),
                                new Class<?>[] {RecurrentKernels.class},
                                (_, method, args) -> {
                                    if (method.getName().equals("multiply")) {
                                        boolean mine = Thread.currentThread() == caller;
                                        (mine ? ofCaller : ofHand).happen();
                                    }
                                    try {
                                        return method.invoke(scalar, args);
                                    } catch (InvocationTargetException e) {
                                        throw e.getCause();
                                    }
                                });
        return Kernels.scalar().with(eventful);
    }

    /// A product of two parts, the second of which goes on from the first, again and again with
    /// other inputs.
    private void products(Kernels kernels, Crew crew, AtomicLong incidents) {
        PanelLayout layout = new PanelLayout(128).group(0, COLUMNS, 0, INPUTS);
        int columns = Panels.padded(COLUMNS);
        long bytes = Lanes.byteSize(2, 1, INPUTS, columns);
        try (crew;
                Arena arena = Arena.ofShared()) {
            Panels all = layout.over(arena.allocate(layout.byteSize(), 64));
            var weights = PanelLayout.Source.of((_, _, _) -> random.nextFloat(-1, 1));
            layout.packing().pack(all, weights);
            MemorySegment s = arena.allocate(3 * bytes, 64);
            MemorySegment want = arena.allocate(bytes, 64);
            Lanes at = Lanes.of(s, 2, INPUTS, 1, INPUTS, columns);
            Lanes wantAt = Lanes.of(want, 2, INPUTS, 1, INPUTS, columns);
            RecurrentKernels shared = crew.share(kernels, bytes).recurrent();
            long start = System.nanoTime();
            for (int i = 0; i < 60 || incidents.get() < 5; i++) {
                for (long f = 0; f < at.z() / 4; f++) {
                    s.setAtIndex(JAVA_FLOAT, f, random.nextFloat(-1, 1));
                }
                want.asSlice(0, at.z()).copyFrom(s.asSlice(0, at.z()));
                boolean backwards = i % 2 == 0;
                shared.multiply(all.before(140), backwards, at, 2);
                shared.multiply(all.from(140), backwards, at, 2);
                Kernels.scalar().recurrent().multiply(all, false, wantAt, 2);
                long from = at.z();
                long to = from + 2 * at.zStride();
                assertThat(MemorySegment.mismatch(s, from, to, want, from, to)).isEqualTo(-1);
                assertThat(System.nanoTime() - start).isLessThan(PATIENCE_NANOS);
            }
        }
    }

    @Test
    void helpers_thatHelp_giveTheSameBits() {
        AtomicLong helps = new AtomicLong();
        products(kernels(() -> Thread.sleep(1), helps::incrementAndGet), new Crew(3), helps);
    }

    @Test
    void helper_thatStopsInTheMiddle_isNotWaitedForAndHarmsNothing() {
        AtomicLong stops = new AtomicLong();
        Incident stop =
                () -> {
                    stops.incrementAndGet();
                    Thread.sleep(random.nextInt(4));
                };
        products(kernels(() -> Thread.sleep(1), stop), new Crew(3), stops);
    }

    @Test
    void helper_thatFails_leavesItsPanelToTheCaller() {
        AtomicLong failures = new AtomicLong();
        Incident fail =
                () -> {
                    failures.incrementAndGet();
                    throw new IllegalStateException("of a helper");
                };
        products(kernels(() -> Thread.sleep(1), fail), new Crew(3), failures);
    }

    @Test
    void product_thatFails_failsForTheCaller() {
        Incident fail =
                () -> {
                    throw new IllegalStateException("of all");
                };
        assertThatThrownBy(() -> products(kernels(fail, fail), new Crew(2), new AtomicLong(5)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("of all");
    }
}
