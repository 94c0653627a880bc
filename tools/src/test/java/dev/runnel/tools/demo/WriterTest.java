package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.decode.Strategy;
import dev.runnel.tools.DemoCommand;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.TreeSet;

class WriterTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int write(String... args) {
        String[] all = new String[args.length + 1];
        all[0] = "write";
        System.arraycopy(args, 0, all, 1, args.length);
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all);
    }

    /// Speeches that were not trained on; see write/README.md.
    @Test
    void heldOutText_takesAtMost1_6NatsACharacter() throws IOException {
        try (Writer writer = new Writer(Strategy.greedy(), 1)) {
            String text = writer.readable(Embedded.text("write/held-out.txt"), new TreeSet<>());
            assertThat(writer.surprise(text)).isBetween(1.0, 1.6);
        }
    }

    @Test
    void write_withTheSameSeed_writesTheSame() {
        assertThat(write("ROMEO:", "--length", "120", "--seed", "3")).isZero();
        String first = out.toString();
        out.getBuffer().setLength(0);
        assertThat(write("ROMEO:", "--length", "120", "--seed", "3")).isZero();
        assertThat(out.toString()).isEqualTo(first).startsWith("ROMEO:");
        assertThat(first.stripTrailing().length()).isGreaterThan(100);
        out.getBuffer().setLength(0);
        assertThat(write("ROMEO:", "--length", "120", "--seed", "4")).isZero();
        assertThat(out.toString()).isNotEqualTo(first);
    }

    @Test
    void oddPrompts_areReadAsFarAsTheyGo() {
        assertThat(write("", "--length", "20")).isZero();
        assertThat(write("a".repeat(500), "--length", "20")).isZero();
        err.getBuffer().setLength(0);
        assertThat(write("naïve “quote” 🎉 9", "--length", "20")).isZero();
        assertThat(out.toString()).contains("naive 'quote' ");
        assertThat(err.toString())
                .startsWith("the model does not know 9 🎉 and reads a space for each");
    }

    @Test
    void words_withoutQuotes_areOnePrompt() {
        assertThat(write("ROMEO:", "hello", "--length", "20")).isZero();
        assertThat(out.toString()).startsWith("ROMEO: hello");
    }

    @Test
    void optionsOutOfRange_areUsageErrors() {
        assertThat(write("x", "--length", "0")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--length is 0, expected 1 to 1000000");
        for (String option : new String[] {"--temperature=-1", "--top-p=0", "--beam=0"}) {
            assertThat(write("x", option)).as(option).isEqualTo(2);
        }
    }
}
