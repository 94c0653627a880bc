package dev.runnel.tools.demo;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;

/// `runnel demo write`: the command line of [Writer].
@Command(
        name = "write",
        description = {
            "Continues a text in the manner of Shakespeare, character by character.",
            "A character LSTM that read his plays chooses each by its scores and takes it as its"
                    + " next input."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo write \"ROMEO:\"",
            "  runnel demo write \"To be, or not\" --length 200 --temperature 0.5 --seed 7",
            "  runnel demo write \"ROMEO:\" --length 100 --trace romeo.html"
        },
        mixinStandardHelpOptions = true)
public final class WriteCommand implements Callable<Integer> {
    private static final double TEMPERATURE = 0.7;
    private static final int LONGEST = 1_000_000;

    @Parameters(
            paramLabel = "PROMPT",
            arity = "0..*",
            description = "What the text begins with; words are joined.")
    List<String> words = List.of();

    @Option(
            names = "--length",
            paramLabel = "N",
            defaultValue = "500",
            description = "Write N characters (default: ${DEFAULT-VALUE}).")
    int length;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    StrategyOptions strategy;

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    TraceOption trace;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (length < 1 || length > LONGEST) {
            throw new ParameterException(
                    spec.commandLine(), "--length is " + length + ", expected 1 to " + LONGEST);
        }
        trace.check();
        String prompt = String.join(" ", words);
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try (Writer writer = new Writer(strategy.strategy(TEMPERATURE), length)) {
            TreeSet<String> unknown = new TreeSet<>();
            String readable = writer.readable(prompt, unknown);
            if (!unknown.isEmpty()) {
                err.println(
                        "the model does not know "
                                + String.join(" ", unknown)
                                + " and reads a space for each");
            }
            StringBuilder written = new StringBuilder();
            out.print(readable);
            writer.write(
                    readable,
                    character -> {
                        out.print((char) character);
                        out.flush();
                        written.append((char) character);
                    });
            out.println();
            trace.write(prompt, t -> writer.trace(t, readable, written.toString()));
        }
        return 0;
    }
}
