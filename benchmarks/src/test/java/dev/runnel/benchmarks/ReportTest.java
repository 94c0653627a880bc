package dev.runnel.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/// Three rounds in JMH's format: LSTM-128 on two engines, LSTM-256 on one.
class ReportTest {
    private static final Environment HERE =
            new Environment("Some(R) CPU @ 2.60GHz", List.of("CPU: some", "JDK: 25"));

    @TempDir private Path temp;

    private static Report report() throws IOException, URISyntaxException {
        Path json =
                Path.of(
                        Objects.requireNonNull(ReportTest.class.getResource("/three-rounds.json"))
                                .toURI());
        return Report.of(Question.named("StepLatency").orElseThrow(), json);
    }

    @Test
    void markdown_hasMediansSpreadsAndRatios() throws IOException, URISyntaxException {
        assertThat(report().markdown(HERE, ""))
                .isEqualTo(
                        """
                        # One step of one stream

                        - CPU: some
                        - JDK: 25
                        - by: `benchmarks/run StepLatency`

                        Median of the rounds (least–greatest), each in a JVM of its own; then × = \
                        the engine's figure / Runnel's, of rates (PerSecond) Runnel's / the engine's: \
                        above 1 Runnel is ahead.

                        | time, µs | runnel | onnxRuntime | runnel, GB/s |
                        |---|---|---|---|
                        | LSTM-128 | 3.00 (2.80–3.10) | 12.0 (11.2–12.4); × 4.00 | 175 |
                        | LSTM-256 | 30.0 (28.0–31.0) | – | 70 |

                        | heapBytesPerStep | runnel | onnxRuntime |
                        |---|---|---|
                        | LSTM-128 | 0.000 (0.000–0.000) | 552 (552–552) |
                        | LSTM-256 | 0.000 (0.000–0.000) | – |
                        """);
    }

    @Test
    void chart_isSvgWithABarForEachFigure() throws IOException, URISyntaxException {
        Path svg = temp.resolve("StepLatency.svg");
        report().chart(svg);
        // Words are drawn as outlines. Each series has its colour: a bar for each figure, and the
        // legend's.
        String drawing = Files.readString(svg);
        assertThat(drawing).contains("<svg");
        assertThat(drawing.split("fill:rgb\\(0,55,255\\)", -1)).hasSizeGreaterThan(3);
        assertThat(drawing.split("fill:rgb\\(255,172,0\\)", -1)).hasSizeGreaterThan(2);
    }

    /// Garbage of 0 bytes has no place on a logarithmic axis, and comes first in JMH's order.
    @Test
    void chart_ofLiveStreams_showsHowLateTheyAre() throws IOException {
        Path json = temp.resolve("StreamScaling.json");
        Files.writeString(
                json,
                """
                [{"params": {"model": "LSTM-128x10", "engine": "runnel"},
                  "primaryMetric": {"score": 2.0, "scoreUnit": "s/op"},
                  "secondaryMetrics": {
                    "heapBytesPerStep": {"score": 0.0, "scoreUnit": "#"},
                    "pacedP99Micros": {"score": 28.6, "scoreUnit": "#"}}}]
                """);
        Path svg = temp.resolve("StreamScaling.svg");
        Report.of(Question.named("StreamScaling").orElseThrow(), json).chart(svg);
        assertThat(svg).content().contains("<svg");
    }

    /// Of rates more is better: the ratio is turned round.
    @Test
    void markdown_ofRates_hasRatiosAboveOneWhereRunnelIsAhead() throws IOException {
        Path json = temp.resolve("StreamScaling.json");
        Files.writeString(
                json,
                """
                [{"params": {"model": "LSTM-128x10", "engine": "runnel"},
                  "primaryMetric": {"score": 2.0, "scoreUnit": "s/op"},
                  "secondaryMetrics": {
                    "pacedP99Micros": {"score": 25.0, "scoreUnit": "#"},
                    "stepsPerSecondAtMost": {"score": 900.0, "scoreUnit": "#"}}},
                 {"params": {"model": "LSTM-128x10", "engine": "onnxRuntime"},
                  "primaryMetric": {"score": 2.0, "scoreUnit": "s/op"},
                  "secondaryMetrics": {
                    "pacedP99Micros": {"score": 50.0, "scoreUnit": "#"},
                    "stepsPerSecondAtMost": {"score": 300.0, "scoreUnit": "#"}}}]
                """);
        Question question = Question.named("StreamScaling").orElseThrow();
        assertThat(Report.of(question, json).markdown(HERE, ""))
                .contains("| LSTM-128x10 | 25.0 | 50.0; × 2.00 |")
                .contains("| LSTM-128x10 | 900 | 300; × 3.00 |");
    }

    @Test
    void environment_ofACleanOrChangedTree_namesTheCommit() {
        assertThat(Environment.ofThisMachine().lines())
                .anyMatch(l -> l.matches("Runnel: commit ([0-9a-f]+(-dirty)?|unknown)"));
    }

    @Test
    void median_ofAnEvenNumber_isTheMiddle() {
        assertThat(Report.median(List.of(4.0, 1.0, 2.0, 3.0))).isEqualTo(2.5);
    }

    @Test
    void cpuSlug_isFitForAFileName() {
        assertThat(HERE.cpuSlug()).isEqualTo("some");
        assertThat(new Environment("AMD EPYC 9B45", List.of()).cpuSlug())
                .isEqualTo("amd-epyc-9b45");
    }

    @Test
    void questions_haveModelsAndEngines_quickOnesAmongThem() {
        for (Question question : Question.ALL) {
            assertThat(question.models()).as(question.name()).containsAll(question.quick());
            assertThat(question.engines()).as(question.name()).isNotEmpty();
        }
    }

    @Test
    void results_tellNoPathsOfTheMachine() {
        String json = "\"jvm\" : \"/opt/jdk/bin/java\", [\"-Drunnel.shared=/data/models\"]";
        assertThat(Run.withoutPaths(json))
                .isEqualTo("\"jvm\" : \"java\", [\"-Drunnel.shared=../shared\"]");
    }
}
