package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;

class BenchCommandTest {
    @TempDir private Path temp;

    @Test
    void json_hasTheKeysAndSensibleFigures() throws IOException {
        Captured c =
                Captured.of(
                        "bench",
                        TinyModels.sum(temp),
                        "--state",
                        "s1=s",
                        "--rows",
                        3,
                        "--seconds",
                        0.2,
                        "--kernels",
                        "scalar",
                        "--json");
        assertThat(c.exit()).isZero();
        JsonNode json = new ObjectMapper().readTree(c.out());
        assertThat(json.fieldNames())
                .toIterable()
                .containsExactly(
                        "p50_ns",
                        "p99_ns",
                        "p999_ns",
                        "max_ns",
                        "steps_per_second",
                        "heap_bytes_per_step",
                        "kernels",
                        "load_ms",
                        "warmup_ms",
                        "rows",
                        "steps");
        assertThat(json.get("p50_ns").asLong()).isPositive();
        assertThat(json.get("p99_ns").asLong()).isGreaterThanOrEqualTo(json.get("p50_ns").asLong());
        assertThat(json.get("max_ns").asLong())
                .isGreaterThanOrEqualTo(json.get("p999_ns").asLong());
        assertThat(json.get("steps_per_second").asDouble()).isPositive();
        assertThat(json.get("heap_bytes_per_step").asDouble()).isZero();
        assertThat(json.get("kernels").asText()).isEqualTo("scalar");
        assertThat(json.get("rows").asInt()).isEqualTo(3);
        assertThat(json.get("steps").asLong()).isPositive().matches(n -> n % 3 == 0);
    }

    @Test
    void threads_ofNoUse_areRefused() throws IOException {
        Captured c = Captured.of("bench", TinyModels.sum(temp), "--threads", 0);
        assertThat(c.exit()).isNotZero();
        assertThat(c.err()).contains("threads is 0, expected 1 … 64");
    }

    @Test
    void text_namesTheFigures() throws IOException {
        Captured c = Captured.of("bench", TinyModels.shift(temp), "--seconds", "0.1");
        assertThat(c.exit()).isZero();
        assertThat(c.out().lines().map(l -> l.split("  +")[0]))
                .satisfies(l -> assertThat(l.getFirst()).startsWith("model.onnx: 1 row, kernels "))
                .last()
                .isEqualTo("measured");
    }

    @Test
    void rate_pacesTheSteps_andIsReported() throws IOException {
        Captured c =
                Captured.of(
                        "bench",
                        TinyModels.sum(temp),
                        "--state",
                        "s1=s",
                        "--seconds",
                        0.2,
                        "--rate",
                        100,
                        "--json");
        assertThat(c.exit()).isZero();
        JsonNode json = new ObjectMapper().readTree(c.out());
        assertThat(json.get("rate").asDouble()).isEqualTo(100);
        assertThat(json.get("steps").asLong()).isBetween(1L, 20L);
        assertThat(
                        Captured.of("bench", TinyModels.shift(temp), "--seconds", 0.1, "--rate", 50)
                                .out())
                .startsWith("model.onnx: 1 row, 50.0 steps a second each, kernels ");
    }

    @Test
    void numbers_outOfRange_areUsageErrors() throws IOException {
        Path model = TinyModels.shift(temp);
        assertThat(Captured.of("bench", model, "--rows", "0").err())
                .startsWith("runnel bench: --rows is 0, expected at least 1\n");
        assertThat(Captured.of("bench", model, "--seconds", "-1").exit()).isEqualTo(2);
        assertThat(Captured.of("bench", model, "--seconds", "NaN").exit()).isEqualTo(2);
        assertThat(Captured.of("bench", model, "--rate", "0").err())
                .startsWith(
                        "runnel bench: --rate is 0.0, expected more than 0 and at most 1000000"
                                + " steps a second\n");
        assertThat(Captured.of("bench", model, "--rate", "-1").exit()).isEqualTo(2);
        assertThat(Captured.of("bench", model, "--rate", "NaN").exit()).isEqualTo(2);
        assertThat(Captured.of("bench", model, "--rate", "often").err())
                .startsWith("runnel bench: Invalid value for option '--rate'");
    }
}
