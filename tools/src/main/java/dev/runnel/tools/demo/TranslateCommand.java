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
import java.util.Locale;
import java.util.concurrent.Callable;

/// `runnel demo translate`: the command line of [DateReader].
@Command(
        name = "translate",
        description = {
            "Translates a date, English or Chinese, to ISO 8601.",
            "One LSTM reads it character by character; from its state another one says the date. It"
                    + " knows days of the years 1000 to 2998; of 05/03/1979 it takes the 5 for the"
                    + " day. A network answers anything: what is no such date it may take for one,"
                    + " and says below 95 %% how sure it is."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo translate \"3rd of May 1979\"",
            "  runnel demo translate 一九七九年五月三日"
        },
        mixinStandardHelpOptions = true)
public final class TranslateCommand implements Callable<Integer> {
    /// Of dates in the forms that it knows it gives 98 in 100 more; see translate/README.md.
    private static final double SURE = 0.95;

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
        trace.check();
        String text = String.join(" ", words);
        try (DateReader reader = new DateReader(Strategy.beam(4))) {
            DateReader.Reading reading = reader.read(text);
            String date = reading.date();
            trace.write(text, t -> reader.trace(t, text, date));
            if (date.isEmpty()) {
                return refuse("'" + text + "' has no date that the model can read");
            }
            try {
                LocalDate.parse(date);
            } catch (DateTimeException e) {
                return refuse(
                        "the model reads '%s' as %s, which is no day of the calendar"
                                .formatted(text, date));
            }
            spec.commandLine().getOut().println(date);
            if (reading.probability() < SURE) {
                spec.commandLine()
                        .getErr()
                        .printf(
                                Locale.ROOT,
                                "the model gives this %.0f %%: it may be no date of a kind that it"
                                        + " knows%n",
                                reading.probability() * 100);
            }
            return 0;
        }
    }

    private int refuse(String message) {
        spec.commandLine().getErr().println(message);
        return 1;
    }
}
