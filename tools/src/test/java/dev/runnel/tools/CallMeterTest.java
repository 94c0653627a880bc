package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.util.concurrent.locks.LockSupport;

class CallMeterTest {
    private static final long PAUSE = 10;
    private static final long PAUSE_NANOS = 200_000_000;

    /// Calls that take no time, but one that takes 200 ms, each alone.
    private static final CallMeter.Calls<RuntimeException> ONE_PAUSE = onePause(1);

    private static CallMeter.Calls<RuntimeException> onePause(int most) {
        return new CallMeter.Calls<>() {
            @Override
            public void prepare(long call) {}

            @Override
            public int make(long call, int due) {
                if (call == PAUSE) {
                    long end = System.nanoTime() + PAUSE_NANOS;
                    while (System.nanoTime() < end) {
                        LockSupport.parkNanos(end - System.nanoTime());
                    }
                    return 1;
                }
                // None with the call that pauses, however late they are.
                int before = call < PAUSE ? (int) (PAUSE - call) : most;
                return Math.min(due, Math.min(before, most));
            }
        };
    }

    @Test
    void paced_pause_delaysAllCallsThatWereDueInIt() {
        CallMeter.Timing t = CallMeter.paced(ONE_PAUSE, 0.4, 1000);
        // Due while it lasted: 200 of 400, half of them for more than 100 ms.
        assertThat(t.calls()).isEqualTo(400);
        assertThat(t.nanos().getTotalCount()).isEqualTo(400);
        assertThat(t.nanos().getMaxValue()).isGreaterThanOrEqualTo(PAUSE_NANOS * 99 / 100);
        assertThat(t.nanos().getCountBetweenValues(PAUSE_NANOS / 2, 60 * PAUSE_NANOS))
                .isGreaterThanOrEqualTo(99);
    }

    @Test
    void paced_callsThatWereDueAndNeverBegun_countAsWaiting() {
        CallMeter.Timing t = CallMeter.paced(ONE_PAUSE, 0.1, 1000);
        assertThat(t.calls()).isEqualTo(11);
        assertThat(t.nanos().getTotalCount()).isEqualTo(100);
        assertThat(t.nanos().getValueAtPercentile(50)).isGreaterThan(PAUSE_NANOS / 2);
    }

    @Test
    void paced_callsMadeTogether_countEachFromWhenItWasDue() {
        CallMeter.Timing t = CallMeter.paced(onePause(1000), 0.4, 1000);
        assertThat(t.calls()).isEqualTo(400);
        assertThat(t.nanos().getTotalCount()).isEqualTo(400);
        // The 200 that the pause delayed were due from 200 to 0 ms before they were made at once.
        assertThat(t.nanos().getCountBetweenValues(PAUSE_NANOS / 2, 60 * PAUSE_NANOS))
                .isBetween(99L, 300L);
    }

    @Test
    void backToBack_callsMadeTogether_countAsSoManyOfTheSameTime() {
        CallMeter.Timing t = CallMeter.backToBack(onePause(7), 0.1);
        assertThat(t.calls()).isEqualTo(t.nanos().getTotalCount());
    }

    @Test
    void backToBack_pause_isOneCall() {
        CallMeter.Timing t = CallMeter.backToBack(ONE_PAUSE, 0.3);
        assertThat(t.nanos().getTotalCount()).isEqualTo(t.calls());
        assertThat(t.nanos().getValueAtPercentile(50)).isLessThan(PAUSE_NANOS / 2);
        assertThat(t.nanos().getMaxValue()).isGreaterThanOrEqualTo(PAUSE_NANOS * 99 / 100);
        assertThat(t.busyNanos()).isLessThanOrEqualTo(t.elapsedNanos());
    }

    @Test
    void paced_withoutPace_throws() {
        assertThatThrownBy(() -> CallMeter.paced(ONE_PAUSE, 1, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("calls per second is 0.0, expected more than 0");
    }
}
