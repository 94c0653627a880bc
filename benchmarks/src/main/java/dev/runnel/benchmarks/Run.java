package dev.runnel.benchmarks;

import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;

/// Asks questions: measures each pair of a model and an engine in JVMs of their own and writes
/// `RESULTS/DATE-CPU/QUESTION.json`, `.md` and `.svg`.
///
/// A round measures all engines on a model before it goes to the next, and rounds follow each
/// other, so that a machine that slows down slows all engines.
public final class Run {
    private final Path folder;
    private final boolean quick;
    private final Environment environment;
    private final PrintStream logStream;
    private final OutputFormat log;

    private Run(Path folder, boolean quick, PrintStream log) {
        this.folder = folder;
        this.quick = quick;
        this.environment = Environment.ofThisMachine();
        this.logStream = log;
        this.log = OutputFormatFactory.createFormatInstance(log, VerboseMode.NORMAL);
    }

    /// `RESULTS-FOLDER [--quick] QUESTION…`; benchmarks/run has looked at them already.
    public static void main(String[] args) throws IOException, RunnerException {
        List<Question> questions = new ArrayList<>();
        boolean quick = false;
        for (String arg : List.of(args).subList(1, args.length)) {
            if (arg.equals("--quick")) {
                quick = true;
            } else {
                questions.add(
                        Question.named(arg)
                                .orElseThrow(
                                        () -> new IllegalArgumentException("no question " + arg)));
            }
        }
        String cpu = Environment.ofThisMachine().cpuSlug();
        Path folder = Path.of(args[0], LocalDate.now() + "-" + cpu + (quick ? "-quick" : ""));
        Files.createDirectories(folder);
        Path logFile = folder.resolve("log.txt");
        try (PrintStream log = new PrintStream(logFile.toFile(), StandardCharsets.UTF_8)) {
            Run run = new Run(folder, quick, log);
            for (Question question : questions) {
                run.ask(question);
            }
        }
    }

    private void ask(Question question) throws IOException, RunnerException {
        Collection<RunResult> results = new ArrayList<>();
        int rounds = quick ? Math.min(question.rounds(), 1) : question.rounds();
        List<String> models = quick ? question.quick() : question.models();
        for (int round = 1; round <= rounds; round++) {
            for (String model : models) {
                for (String engine : question.engines()) {
                    Collection<RunResult> result = measure(question, model, engine);
                    results.addAll(result);
                    say(question, round, rounds, model, engine, result);
                }
            }
        }
        Path json = folder.resolve(question.name() + ".json");
        try (PrintStream out = new PrintStream(json.toFile(), StandardCharsets.UTF_8)) {
            ResultFormatFactory.getInstance(ResultFormatType.JSON, out).writeOut(results);
        }
        Files.writeString(json, withoutPaths(Files.readString(json)));
        Report report = Report.of(question, json);
        Files.writeString(
                folder.resolve(question.name() + ".md"),
                report.markdown(environment, quick ? "--quick " : ""));
        report.chart(folder.resolve(question.name() + ".svg"));
        System.out.println("written: " + folder.resolve(question.name() + ".md"));
    }

    /// What JMH writes without the paths of the machine it ran on.
    static String withoutPaths(String json) {
        return json.replaceAll("\"jvm\" : \"[^\"]*\"", "\"jvm\" : \"java\"")
                .replaceAll("-Drunnel\\.shared=[^\"]*", "-Drunnel.shared=../shared");
    }

    private Collection<RunResult> measure(Question question, String model, String engine)
            throws RunnerException {
        ChainedOptionsBuilder options =
                new OptionsBuilder()
                        .include(question.type().getName().replace(".", "\\.") + "\\.")
                        .param("model", model)
                        .param("engine", engine)
                        .jvmArgsPrepend("-Drunnel.shared=" + System.getProperty("runnel.shared"))
                        .forks(1);
        if (quick && LayerBenchmark.class.isAssignableFrom(question.type())) {
            options.measurementTime(TimeValue.milliseconds(100));
        }
        PrintStream err = System.err;
        System.setErr(logStream); // to where JMH copies what its JVMs say
        try {
            return new Runner(options.build(), log).run();
        } finally {
            System.setErr(err);
        }
    }

    private static void say(
            Question question,
            int round,
            int rounds,
            String model,
            String engine,
            Collection<RunResult> result) {
        String figure =
                result.isEmpty()
                        ? "not run, see log.txt"
                        : result.stream()
                                .map(RunResult::getPrimaryResult)
                                .map(r -> Report.figure(r.getScore()) + " " + r.getScoreUnit())
                                .findFirst()
                                .orElseThrow();
        System.out.printf(
                Locale.ROOT,
                "%s %d/%d %-18s %-18s %s%n",
                question.name(),
                round,
                rounds,
                model,
                engine,
                figure);
    }
}
