package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// Without the AOT caches: they want a class path of jars, which a test's is not.
@EnabledOnOs(OS.LINUX)
class ColdStartTest {
    @Test
    void firstStep_everyEngine_givesTheSame() throws Exception {
        float runnel = firstStep("runnel");
        assertThat(runnel).isNotZero();
        for (String engine : new String[] {"runnelRnl", "onnxRuntime", "onnxRuntimeJar"}) {
            assertThat(firstStep(engine)).as(engine).isCloseTo(runnel, within(1e-4f));
        }
        assertThat(firstStep("jvm")).isZero();
    }

    private static float firstStep(String engine) throws Exception {
        ColdStart question = new ColdStart();
        question.model = "LSTM-256";
        question.engine = engine;
        question.writeModel();
        try {
            ColdStart.Memory memory = new ColdStart.Memory();
            question.firstStep(memory);
            assertThat(memory.peakRssMiB).isPositive();
            return question.y;
        } finally {
            question.deleteModel();
        }
    }
}
