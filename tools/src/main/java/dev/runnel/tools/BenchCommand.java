package dev.runnel.tools;

import com.fasterxml.jackson.annotation.JsonInclude;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.formats.Models;
import dev.runnel.graph.Graph;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;

@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Steps a model on random input and prints how long a step takes.",
            "%nWith --rows N a call steps N streams; the percentiles are those of a call, while"
                    + " steps are counted for each stream.",
            "%nWith --rate R steps are due R times a second for each stream, as from a live source,"
                    + " and a step's time counts from when it was due, also if the one before is"
                    + " not done.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel bench vad.onnx --bind sr=16000 --shape input=1x576",
            "  runnel bench vad.onnx --bind sr=16000 --shape input=1x576 --rows 16 --seconds 10"
                    + " --json",
            "  runnel bench lstm.onnx --stateful --kernels scalar",
            "  runnel bench lstm.onnx --stateful --rate 100",
        })
final class BenchCommand implements Callable<Integer> {
    private static final int MOST_STEPS_A_SECOND = 1_000_000;

    @Spec private CommandSpec spec;
    @Mixin private ModelOptions options;

    @Parameters(paramLabel = "MODEL", description = "The model's file.")
    private Path file;

    @Option(names = "--rows", paramLabel = "N", description = "Streams in a call (default: 1).")
    private int rows = 1;

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description = "How long to measure, after warm-up (default: 3).")
    private double seconds = 3;

    @Option(
            names = "--rate",
            paramLabel = "R",
            description = "Steps a second for each stream (default: one call after the other).")
    private @Nullable Double rate;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    BenchCommand() {}

    /// The components are the keys of `--json`, in snake case; `rate` only if it was given.
    record Report(
            long p50Ns,
            long p99Ns,
            long p999Ns,
            long maxNs,
            double stepsPerSecond,
            double heapBytesPerStep,
            String kernels,
            double loadMs,
            double warmupMs,
            int rows,
            long steps,
            @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Double rate) {}

    @Override
    public Integer call() throws IOException {
        if (rows < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--rows is " + rows + ", expected at least 1");
        }
        if (!(seconds > 0 && seconds <= 86_400)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--seconds is " + seconds + ", expected more than 0 and at most 86400");
        }
        if (rate != null && !(rate > 0 && rate <= MOST_STEPS_A_SECOND)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--rate is "
                            + rate
                            + ", expected more than 0 and at most "
                            + MOST_STEPS_A_SECOND
                            + " steps a second");
        }
        long start = System.nanoTime();
        Graph graph = Models.read(file);
        try (Model model = Model.compile(graph, options.applyTo(Options.defaults(), graph))) {
            double loadMs = millisSince(start);
            if (model.stepObstacle().isPresent()) {
                throw new IllegalStateException(model.stepObstacle().get());
            }
            long warm = System.nanoTime();
            StepMeter.warmUp(model, rows);
            double warmupMs = millisSince(warm);
            StepMeter.Result r = StepMeter.measure(model, rows, seconds, rate == null ? 0 : rate);
            Report report =
                    new Report(
                            r.p50Ns(),
                            r.p99Ns(),
                            r.p999Ns(),
                            r.maxNs(),
                            tenths(r.stepsPerSecond()),
                            tenths(r.heapBytesPerStep()),
                            model.kernels(),
                            loadMs,
                            warmupMs,
                            rows,
                            r.steps(),
                            rate);
            spec.commandLine()
                    .getOut()
                    .println(json ? Json.of(report) : text(model.name(), report));
        }
        return 0;
    }

    private static double millisSince(long nanos) {
        return tenths((System.nanoTime() - nanos) / 1e6);
    }

    private static double tenths(double value) {
        return Math.round(value * 10) / 10.0;
    }

    private static String text(String model, Report r) {
        return String.format(
                Locale.ROOT,
                """
                %s: %s, kernels %s
                p50         %12s
                p99         %12s
                p99.9       %12s
                max         %12s
                throughput  %,12.0f steps a second
                heap        %12.1f bytes a step
                load        %12.1f ms
                warm-up     %12.1f ms
                measured    %,12d steps\
                """,
                model,
                (r.rows == 1 ? "1 row" : r.rows + " rows")
                        + (r.rate == null ? "" : ", " + r.rate + " steps a second each"),
                r.kernels,
                micros(r.p50Ns),
                micros(r.p99Ns),
                micros(r.p999Ns),
                micros(r.maxNs),
                r.stepsPerSecond,
                r.heapBytesPerStep,
                r.loadMs,
                r.warmupMs,
                r.steps);
    }

    private static String micros(long nanos) {
        return String.format(Locale.ROOT, "%,.2f µs", nanos / 1e3);
    }
}
