package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.formats.Models;
import dev.runnel.graph.Graph;

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
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel bench vad.onnx --bind sr=16000 --shape input=1x576",
            "  runnel bench vad.onnx --bind sr=16000 --shape input=1x576 --rows 16 --seconds 10"
                    + " --json",
            "  runnel bench lstm.onnx --stateful --kernels scalar",
        })
final class BenchCommand implements Callable<Integer> {
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

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    BenchCommand() {}

    /// The components are the keys of `--json`, in snake case.
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
            long steps) {}

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
            StepMeter.Result r = StepMeter.measure(model, rows, seconds);
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
                            r.steps());
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
                r.rows == 1 ? "1 row" : r.rows + " rows",
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
