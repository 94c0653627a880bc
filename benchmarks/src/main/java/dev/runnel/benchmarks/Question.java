package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/// What can be asked: a benchmark class, how often, and how its report reads.
///
/// @param type has the parameters `model`, a row of the report, and `engine`, a column
/// @param title the question in the report
/// @param rounds how often each pair is measured, each time in a JVM of its own
/// @param quick the models of a quick run
/// @param rate a further column: work in a call, by model, which divided by Runnel's µs is …
/// @param rateUnit … in this unit, times 1000
record Question(
        Class<?> type,
        String title,
        int rounds,
        List<String> quick,
        ToDoubleFunction<String> rate,
        String rateUnit) {

    static final List<Question> ALL =
            List.of(
                    question(
                            MemoryBandwidth.class,
                            "What one core can read and compute",
                            List.of("fma", "512", "8192"),
                            m ->
                                    m.equals("fma")
                                            ? MemoryBandwidth.FLOPS
                                            : 1024 * Double.parseDouble(m),
                            "GB/s or GFLOP/s"),
                    question(
                            StepLatency.class,
                            "One step of one stream",
                            List.of("LSTM-128", "LSTM-256"),
                            m -> Workload.of(m).weightBytes(),
                            "GB/s"),
                    question(
                            SequenceLatency.class,
                            "A sequence of 100 steps, by model and rows",
                            List.of("LSTM-256x1"),
                            m -> SequenceLatency.workload(m).flops(),
                            "GFLOP/s"),
                    question(
                            BatchThroughput.class,
                            "One step of many streams, by model and rows",
                            List.of("LSTM-256x16"),
                            m -> Workload.of(m).flops(),
                            "GFLOP/s"),
                    question(
                            Precision.class,
                            "One step with weights of 16 and 8 bits",
                            List.of("LSTM-256-f32", "LSTM-256-bf16", "LSTM-256-int8"),
                            m -> 0,
                            ""),
                    question(
                            RealModels.class,
                            "One call of a real model",
                            List.of("silero_vad_v6", "dtln_1"),
                            m -> 0,
                            ""),
                    new Question(
                            ColdStart.class,
                            "From the start of the process to the first step's result",
                            10,
                            List.of("LSTM-256"),
                            m -> 0,
                            ""),
                    question(
                            LoadTime.class,
                            "Loading a file of some 100 MB",
                            List.of("LSTM-2048", "LSTM-2048-first"),
                            m -> 0,
                            ""),
                    new Question(
                            StreamScaling.class,
                            "Live streams on two threads, by model and streams",
                            3,
                            List.of("LSTM-128x100"),
                            m -> 0,
                            ""));

    private static Question question(
            Class<?> type,
            String title,
            List<String> quick,
            ToDoubleFunction<String> rate,
            String rateUnit) {
        return new Question(type, title, 3, quick, rate, rateUnit);
    }

    String name() {
        return type.getSimpleName();
    }

    /// The metric in the chart, of which less is better: the time of a call, or what else was
    /// counted where that is no answer.
    String charted() {
        return type == StreamScaling.class ? "pacedP99Micros" : Report.TIME;
    }

    static Optional<Question> named(String name) {
        return ALL.stream().filter(q -> q.name().equals(name)).findFirst();
    }

    List<String> models() {
        return values("model");
    }

    /// Those that are there, in the report's order.
    List<String> engines() {
        List<String> there = Engines.all().stream().map(Engine::name).toList();
        List<String> peers = List.of("oneDnn", "djl");
        return values("engine").stream()
                .filter(e -> there.contains(e) || !peers.contains(e))
                .toList();
    }

    private List<String> values(String field) {
        try {
            return Arrays.asList(type.getDeclaredField(field).getAnnotation(Param.class).value());
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }

    /// In the report's further column.
    String rateOf(String model, double micros) {
        return String.format(Locale.ROOT, "%.0f", rate.applyAsDouble(model) / micros / 1e3);
    }
}
