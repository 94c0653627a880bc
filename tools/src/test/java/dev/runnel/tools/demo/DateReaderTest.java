package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.decode.Strategy;
import dev.runnel.tools.DemoCommand;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

class DateReaderTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int translate(String... words) {
        String[] args = new String[words.length + 1];
        args[0] = "translate";
        System.arraycopy(words, 0, args, 1, words.length);
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(args);
    }

    /// Days that were not trained on: 98 of 100 must be right; see translate/README.md.
    @Test
    void heldOutDates_areTranslated() throws IOException {
        List<String> lines = Embedded.text("translate/held-out.txt").lines().toList();
        int right = 0;
        try (DateReader reader = new DateReader(Strategy.greedy())) {
            for (String line : lines) {
                String[] parts = line.split("\t", -1);
                right += reader.date(parts[0]).equals(parts[1]) ? 1 : 0;
            }
        }
        assertThat(lines).hasSize(500);
        assertThat(right).isGreaterThanOrEqualTo(490);
    }

    @Test
    void translate_inManyForms_saysTheDay() {
        for (String text :
                List.of(
                        "3rd of May 1979",
                        "MAY 3, 1979",
                        "  3   may 1979 ",
                        "Thursday, 3 May 1979",
                        "一九七九年五月三日",
                        "1979年5月3日",
                        "１９７９年５月３日",
                        "3.5.1979")) {
            out.getBuffer().setLength(0);
            assertThat(translate(text)).as(text).isZero();
            assertThat(out.toString().strip()).as(text).isEqualTo("1979-05-03");
        }
        out.getBuffer().setLength(0);
        assertThat(translate("3rd", "of", "May", "1979")).isZero();
        assertThat(out.toString().strip()).isEqualTo("1979-05-03");
    }

    @Test
    void translate_ofWhatIsNoDate_saysSo() {
        for (String text : List.of("", " ", "🎉🎉", "x".repeat(200), "no date at all")) {
            assertThat(translate(text)).as(text).isEqualTo(1);
        }
        assertThat(out.toString()).isEmpty();
        assertThat(err.toString().lines().toList())
                .contains("'🎉🎉' has no date that the model can read");
    }

    @Test
    void translate_ofATextThatIsTooLong_namesTheLimit() {
        assertThat(translate("x".repeat(500))).isEqualTo(1);
        assertThat(err.toString()).contains("the text has 500 characters, expected at most 200");
    }

    /// A network answers anything; see translate/README.md.
    @Test
    void translate_ofWhatIsNoSuchDate_saysHowSureTheModelIs() {
        for (String text : List.of("99 May 99999", "13/13/2020", "31/02/2020", "3 March 3001")) {
            err.getBuffer().setLength(0);
            assertThat(translate(text)).as(text).isZero();
            assertThat(err.toString())
                    .as(text)
                    .matches(
                            "the model gives this [4-8]\\d %: it may be no date of a kind that it"
                                    + " knows\\R");
        }
        err.getBuffer().setLength(0);
        assertThat(translate("05/03/1979")).isZero();
        assertThat(out.toString()).endsWith("1979-03-05" + System.lineSeparator());
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void heldOutDates_areSeldomDoubted() throws IOException {
        int doubted = 0;
        try (DateReader reader = new DateReader(Strategy.greedy())) {
            for (String line : Embedded.text("translate/held-out.txt").lines().toList()) {
                doubted += reader.read(line.split("\t", -1)[0]).probability() < 0.95 ? 1 : 0;
            }
        }
        assertThat(doubted).isLessThanOrEqualTo(10); // of 500
    }

    @Test
    void translate_withoutADate_isAUsageError() {
        assertThat(translate()).isEqualTo(2);
    }
}
