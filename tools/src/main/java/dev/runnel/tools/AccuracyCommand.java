package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.graph.Precision;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

@Command(
        name = "accuracy",
        mixinStandardHelpOptions = true,
        description = {
            "Shows what bf16 and int8 weights cost in accuracy, as a Markdown table.",
            "%nRuns models on stored inputs, as runnel verify --stream does, with weights of each"
                    + " precision, and prints for each output the largest and the mean |got - want|"
                    + " against the stored outputs, beside the mean |want|.",
            "%nExit code 1 if a case could not be run.",
        },
        footerHeading = "%nExamples:%n",
        footer = {"  runnel accuracy models/ > Accuracy.md"})
final class AccuracyCommand implements Callable<Integer> {
    /// Any finite error passes.
    private static final double ANY = Double.MAX_VALUE;

    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "DIR", arity = "1..*", description = "A case or a folder of cases.")
    private List<Path> folders = List.of();

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    AccuracyCommand() {}

    @Override
    public Integer call() throws IOException {
        List<Case> cases = Case.find(folders);
        PrintWriter out = spec.commandLine().getOut();
        out.println(
                "| model | output | mean \\|want\\| | f32 max | mean | bf16 max | mean | int8 max |"
                        + " mean |");
        out.println("|---|---|---|---|---|---|---|---|---|");
        boolean failed = false;
        for (Case c : cases) {
            Map<Precision, Map<String, Deviation>> all = new LinkedHashMap<>();
            for (Precision precision : Precision.values()) {
                Options options = Options.defaults().weights(precision);
                Map<String, Deviation> deviations = new LinkedHashMap<>();
                Verdict verdict = new Verifier(true, options, ANY, 0.0).check(c, deviations);
                all.put(precision, deviations);
                if (!(verdict instanceof Verdict.Passed)) {
                    spec.commandLine().getErr().println(precision + ": " + verdict);
                    failed = true;
                }
            }
            print(out, c.name(), all);
        }
        return failed ? 1 : 0;
    }

    private static void print(
            PrintWriter out, String model, Map<Precision, Map<String, Deviation>> all) {
        for (Map.Entry<String, Deviation> f32 :
                all.getOrDefault(Precision.F32, Map.of()).entrySet()) {
            StringBuilder row = new StringBuilder("| " + model + " | " + f32.getKey());
            row.append(String.format(Locale.ROOT, " | %.2g", f32.getValue().meanMagnitude()));
            for (Map<String, Deviation> deviations : all.values()) {
                Deviation d = deviations.get(f32.getKey());
                row.append(
                        d == null
                                ? " | – | –"
                                : String.format(Locale.ROOT, " | %.1e | %.1e", d.max(), d.mean()));
            }
            out.println(row + " |");
        }
        out.flush();
    }
}
