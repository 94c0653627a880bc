package dev.runnel.tools.demo;

import dev.runnel.decode.Strategy;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.List;
import java.util.concurrent.Callable;

/// `runnel demo translate`: the command line of [DateReader].
@Command(
        name = "translate",
        description = {
            "Translates a date, English or Chinese, to ISO 8601.",
            "One LSTM reads it character by character; from its state another one says the date."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo translate \"3rd of May 1979\"",
            "  runnel demo translate 一九七九年五月三日"
        },
        mixinStandardHelpOptions = true)
public final class TranslateCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DATE", arity = "1..*", description = "The date; words are joined.")
    List<String> words = List.of();

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    TraceOption trace;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        String text = String.join(" ", words);
        try (DateReader reader = new DateReader(Strategy.beam(4))) {
            String date = reader.date(text);
            trace.write(text, t -> reader.trace(t, text, date));
            String shown = text.length() > 60 ? text.substring(0, 60) + "…" : text;
            try {
                LocalDate.parse(date);
            } catch (DateTimeException e) {
                spec.commandLine()
                        .getErr()
                        .println(
                                date.isEmpty()
                                        ? "'" + shown + "' has no date that the model can read"
                                        : "the model reads '"
                                                + shown
                                                + "' as "
                                                + date
                                                + ", which is no day of the calendar");
                return 1;
            }
            spec.commandLine().getOut().println(date);
            return 0;
        }
    }
}
