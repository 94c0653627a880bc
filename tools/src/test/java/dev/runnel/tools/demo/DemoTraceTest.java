package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.decode.Strategy;
import dev.runnel.tools.DemoCommand;
import dev.runnel.tools.trace.Trace;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

import javax.imageio.ImageIO;

class DemoTraceTest {
    private static final double ROUNDING = 2e-5; // of float32, where |C| is up to some 30

    @TempDir Path folder;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private String page(int steps, String... args) throws IOException {
        Path page = folder.resolve("page.html");
        String[] all = new String[args.length + 2];
        System.arraycopy(args, 0, all, 0, args.length);
        all[args.length] = "--trace";
        all[args.length + 1] = page.toString();
        int code =
                new CommandLine(new DemoCommand())
                        .setOut(new PrintWriter(out, true))
                        .setErr(new PrintWriter(err, true))
                        .execute(all);
        assertThat(code).as(err.toString()).isZero();
        assertThat(err.toString().lines().toList()).contains(steps + " steps written to " + page);
        String html = Files.readString(page);
        assertThat(html).contains("\"app\":\"" + args[0] + "\"");
        return html;
    }

    @Test
    void translate_isTracedThroughBothModels() throws IOException {
        // Fed: the text and its end; then the start, and nine of the ten characters of the date.
        String html = page(16 + 10, "translate", "3rd of May 1979");
        assertThat(html).contains("\"name\":\"encoder\"", "\"name\":\"decoder\"");
    }

    @Test
    void idioms_areTracedEachFromTheStart() throws IOException {
        assertThat(page(3 * 3, "idioms", "四海为家", "--rounds", "3").split("\"start\":true"))
                .hasSize(1 + 3);
    }

    @Test
    void idioms_whereNoneIsSaid_leaveNoPage() {
        Path page = folder.resolve("page.html");
        int code =
                new CommandLine(new DemoCommand())
                        .setOut(new PrintWriter(out, true))
                        .setErr(new PrintWriter(err, true))
                        .execute("idioms", "画龙点睛", "--real-only", "--trace", page.toString());
        assertThat(code).isZero();
        assertThat(err.toString()).contains("no trace is written: the model made no step");
        assertThat(page).doesNotExist();
    }

    @Test
    void listen_isTracedFrameByFrame_asItWasHeard() throws IOException {
        Trace trace = new Trace("listen", "");
        try (Listener listener = new Listener(1)) {
            listener.hear(Sound.of(Sound.noise(0.1, 4000, 1), 8000), digit -> {});
            listener.trace(trace);
        }
        assertThat(trace.deviation()).isGreaterThan(0).isLessThan(ROUNDING);
    }

    private static BufferedImage picture() throws IOException {
        return ImageIO.read(
                Objects.requireNonNull(
                        DemoTraceTest.class.getResourceAsStream("caption/held-out/00.png")));
    }

    @Test
    void caption_isTracedWordByWord() throws IOException {
        Path image = folder.resolve("shapes.png");
        ImageIO.write(picture(), "png", image.toFile());
        String html = page(5, "caption", image.toString()); // fed: the start, then each word
        assertThat(html).contains("shapes.png", "\"purple\"", "\"diamond\"");
    }

    @Test
    void caption_isTracedWithTheGatesThatGiveTheModelsState() throws IOException {
        Trace trace = new Trace("caption", "");
        try (Captioner captioner = new Captioner(Strategy.greedy())) {
            captioner.trace(trace, picture(), "a small purple diamond");
        }
        assertThat(trace.deviation()).isGreaterThan(0).isLessThan(ROUNDING);
    }

    @Test
    void write_isTracedFromThePromptOn() throws IOException {
        page(6 + 20 - 1, "write", "ROMEO:", "--length", "20");
    }

    @Test
    void write_isTracedWithTheGatesThatGiveTheModelsState() throws IOException {
        Trace trace = new Trace("write", "");
        try (Writer writer = new Writer(Strategy.greedy(), 1)) {
            writer.trace(trace, "ROMEO:", "\nWhat light through yonder window breaks?");
        }
        assertThat(trace.deviation()).isGreaterThan(0).isLessThan(ROUNDING);
    }

    @Test
    void translate_isTracedWithTheGatesThatGiveTheModelsState() throws IOException {
        Trace trace = new Trace("translate", "");
        try (DateReader reader = new DateReader(Strategy.greedy())) {
            reader.trace(trace, "一九七九年五月三日", "1979-05-03");
        }
        assertThat(trace.deviation()).isGreaterThan(0).isLessThan(ROUNDING);
    }
}
