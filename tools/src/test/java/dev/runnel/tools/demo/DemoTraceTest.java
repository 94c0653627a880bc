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
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Stream;

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

    private int demo(Object... args) {
        err.getBuffer().setLength(0);
        out.getBuffer().setLength(0);
        String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setExecutionExceptionHandler(
                        (e, command, _) -> {
                            command.getErr().println(e.getMessage());
                            return 1;
                        })
                .execute(words);
    }

    /// What was given, or anything else that is no such page, is not written over, and nothing is
    /// done before that is said.
    @Test
    void trace_inThePlaceOfAnotherFile_isRefusedBeforeTheWork() throws IOException {
        Path image = folder.resolve("shapes.png");
        ImageIO.write(picture(), "png", image.toFile());
        byte[] before = Files.readAllBytes(image);
        assertThat(demo("caption", image, "--trace", image)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        image
                                + ": is there already, and no page of this command; name another"
                                + " file\n");
        assertThat(out.toString()).isEmpty();
        assertThat(image).hasBinaryContent(before);
        for (String[] words :
                new String[][] {
                    {"idioms", "四海为家"}, {"write", "a"}, {"translate", "1979"}, {"listen", "-"}
                }) {
            assertThat(demo(words[0], words[1], "--trace", image)).as(words[0]).isEqualTo(1);
            assertThat(out.toString()).isEmpty();
        }
        assertThat(image).hasBinaryContent(before);
    }

    @Test
    void trace_whereNothingCanBeWritten_isRefusedBeforeTheWork() {
        assertThat(demo("translate", "3 May 1979", "--trace", folder.resolve("none/a.html")))
                .isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        folder.resolve("none")
                                + ": there is no such folder to write to; make it first\n");
        assertThat(demo("translate", "3 May 1979", "--trace", folder)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(folder + ": is a folder, expected the name of a file\n");
        assertThat(demo("translate", "3 May 1979", "--trace", "")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--trace is '', expected the name of a file");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void trace_ofAnotherRun_isReplaced() throws IOException {
        String first = page(16 + 10, "translate", "3rd of May 1979");
        assertThat(page(13 + 10, "translate", "4th May 1979")).isNotEqualTo(first);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(folder.resolve("page.html"));
        }
    }

    @Test
    void listen_isTracedFrameByFrame_asItWasHeard() throws IOException {
        Trace trace = new Trace("listen", "");
        try (Listener listener = new Listener(1)) {
            listener.hear(Sound.of(Sound.noise(0.1, 4000, 1), 8000), digit -> {});
            listener.trace(trace);
        }
        Path page = folder.resolve("listen.html");
        trace.write(page);
        assertThat(Files.readString(page))
                .contains("\"sound\":\"", "\\u003cbefore>", "\"0.00 s\"", "\\u003cafter>")
                .doesNotContain("-0.");
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
        assertThat(html)
                .contains("shapes.png", "data:image/png;base64,iVBOR", "\"purple\"", "\"diamond\"");
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
