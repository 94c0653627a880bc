package dev.runnel.tools.demo;

import dev.runnel.Model;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/// `runnel demo idioms`: the command line of [IdiomsDemo].
@Command(
        name = "idioms",
        description = {
            "Plays the idiom chain (成语接龙): each idiom begins with the character the one before it"
                    + " ended with, and none is said twice.",
            "A character LSTM says the idioms character by character. It keeps to real ones; where"
                    + " none is left it makes one up and says so."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo idioms 画龙点睛",
            "  runnel demo idioms 画龙点睛 --beam 5",
            "  runnel demo idioms 一心一意 --rounds 100 --real-only",
            "  runnel demo idioms 四海为家 --temperature 1 --seed 7"
        },
        mixinStandardHelpOptions = true)
public final class IdiomsCommand implements Callable<Integer> {
    private static final String FOLDER = "idioms/";
    private static final int WARM_STEPS = 2000;

    @Parameters(paramLabel = "IDIOM", description = "Four Chinese characters.")
    String first = "";

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "10",
            description = "Stop after N idioms (default: ${DEFAULT-VALUE}).")
    int rounds;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    StrategyOptions strategy;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    TraceOption trace;

    @Option(
            names = "--time",
            description =
                    "Afterwards wait for the JVM's compiler, some seconds, and time "
                            + WARM_STEPS
                            + " steps at full speed.")
    boolean timed;

    @Option(names = "--real-only", description = "Stop rather than make an idiom up.")
    boolean realOnly;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (rounds < 1) {
            throw wrong("--rounds is " + rounds + ", expected at least 1");
        }
        Vocabulary vocabulary = new Vocabulary(Embedded.text(FOLDER + "vocabulary.txt").strip(), 1);
        Idioms idioms = new Idioms(Embedded.text(FOLDER + "idioms.txt").lines().toList());
        String start;
        try {
            start = IdiomArgument.parse(first, vocabulary);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
        trace.check();
        try (Model model = Model.compile(Embedded.model(FOLDER + "idioms.onnx"));
                IdiomsDemo demo =
                        new IdiomsDemo(model, vocabulary, idioms, strategy.strategy(0), realOnly)) {
            PrintWriter out = spec.commandLine().getOut();
            out.println(start + (idioms.isReal(start) ? "" : "  " + unknown(start, idioms)));
            List<String> said = play(demo, start, out);
            out.flush();
            time(demo, model, spec.commandLine().getErr());
            trace.write(start, t -> demo.trace(t, Embedded.model(FOLDER + "idioms.onnx"), said));
        }
        return 0;
    }

    private static String unknown(String start, Idioms idioms) {
        return "(not among the %d idioms known here; playing on from %c)"
                .formatted(idioms.size(), Idioms.last(start));
    }

    private List<String> play(IdiomsDemo demo, String start, PrintWriter out) {
        List<String> said = new ArrayList<>();
        String before = start;
        for (int round = 1; round <= rounds; round++) {
            Optional<IdiomsDemo.Link> link = demo.next(before, character -> say(out, character));
            if (link.isEmpty()) {
                out.println("stopped: no idiom is left that begins with " + Idioms.last(before));
                return said;
            }
            out.println(
                    link.get().real()
                            ? ""
                            : "  (made up: no idiom is left that begins with "
                                    + Idioms.last(before)
                                    + ")");
            before = link.get().idiom();
            said.add(before);
        }
        out.println("stopped after --rounds " + rounds);
        return said;
    }

    private static void say(PrintWriter out, char character) {
        out.print(character);
        out.flush();
    }

    /// The game's own steps are few, and the first of their JVM: what a step takes after them is a
    /// second figure, measured on the same characters.
    private void time(IdiomsDemo demo, Model model, PrintWriter err) {
        boolean any = demo.steps().count() > 0;
        err.println(
                demo.steps().text("of a JVM that has just started")
                        + (any && !timed ? "; at full speed: --time" : ""));
        if (any && timed) {
            err.flush();
            err.println(demo.warmSteps(WARM_STEPS).text("at full speed, " + model.kernels()));
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
