package dev.runnel.tools.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.regex.Pattern;

/// The page in a browser. Where there is no `chromium` on the path, nothing is tested.
class TracePageTest {
    /// Uses the page as a visitor does, and leaves what it saw in an element.
    private static final String VISIT =
            """
            <pre id="seen"></pre>
            <script>
            const seen = [];
            const note = (what, value) => seen.push(what + "=" + value);
            const pixels = () => [...document.querySelectorAll("#maps canvas")].map(c => c.toDataURL());
            const look = what => note(what, [at("count").textContent, at("fed").textContent,
              at("choices").textContent.replace(/\\s+/g, " "), at("cellSum").textContent].join("|"));
            const press = key => document.body.dispatchEvent(
              new KeyboardEvent("keydown", {key, bubbles: true}));
            note("maps", document.querySelectorAll("#maps canvas").length);
            note("labels", [...document.querySelectorAll("button, input, canvas")].every(
              e => e.textContent.trim() || e.getAttribute("aria-label")));
            note("symbols", [...document.querySelectorAll("#symbols dt")].map(e => e.textContent).join(" "));
            note("bars", new Set([...document.querySelectorAll("#choices .bar")].map(
              e => e.getBoundingClientRect().left)).size);
            note("legend", [...document.querySelectorAll(".legend .token")].filter(
              e => e.offsetWidth > 0).map(e => e.className).join("|"));
            note("text", [...document.querySelectorAll("#text .token")].map(
              e => e.textContent + ":" + e.className.replace("token", "").trim()).join("|"));
            note("picture", at("image").hidden ? "" : at("picture").src);
            note("wave", at("wave").hidden ? "" : at("wave").toDataURL().length);
            note("wide", document.documentElement.scrollWidth > innerWidth);
            look("begin");
            const before = pixels();
            at("forward").click();
            look("forward");
            const after = pixels();
            note("redrawn", after.every((v, n) => v !== before[n]));
            at("back").click();
            look("back");
            note("same", pixels().join() === before.join());
            press("ArrowRight"); press("ArrowRight");
            look("keys");
            at("slider").value = 5;
            at("slider").dispatchEvent(new Event("input"));
            look("slider");
            press("End");
            note("last", at("forward").disabled);
            press(" ");
            note("playing", at("play").textContent);
            press(" ");
            note("paused", at("play").textContent);
            const canvas = document.querySelector("#maps canvas");
            const name = at("unitName").textContent;
            canvas.dispatchEvent(new PointerEvent("pointermove", {
              clientX: canvas.getBoundingClientRect().left + canvas.clientWidth / 3 * 1.5,
              clientY: canvas.getBoundingClientRect().top + 5}));
            note("hovered", at("unitName").textContent !== name);
            note("tip", at("tip").hidden ? "" : at("tip").textContent);
            canvas.dispatchEvent(new PointerEvent("pointerleave"));
            note("left", at("unitName").textContent === name);
            const theme = document.documentElement.dataset.theme;
            const colour = getComputedStyle(document.body).backgroundColor;
            at("theme").click();
            note("theme", theme + " to " + document.documentElement.dataset.theme);
            note("recoloured", getComputedStyle(document.body).backgroundColor !== colour);
            const title = at("title").textContent;
            at("language").click();
            note("language", title + " to " + at("title").textContent);
            at("layers").children[1].click();
            note("layer", at("layers").children[1].getAttribute("aria-pressed"));
            at("seen").textContent = seen.join("\\n");
            </script>
            """;

    @TempDir Path folder;

    private static boolean chromium() {
        for (String place : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(place, "chromium"))) {
                return true;
            }
        }
        return false;
    }

    private static Trace written() {
        Trace trace = new Trace("write", "ab");
        try (Trace.Part part = part(trace, n -> "abc \n".substring(n, n + 1))) {
            for (int t = 0; t < 8; t++) {
                part.step("token", t % 5, t < 2, (t + 1) % 5);
            }
        }
        return trace;
    }

    private static Trace.Part part(Trace trace, IntFunction<String> text) {
        return trace.part("model", TinyLstm.layers(2, Map.of()), "scores", text);
    }

    private Path page(Trace trace) throws IOException {
        Path page = folder.resolve("page.html");
        Files.writeString(page, TracePage.html(trace).replace("</body>", VISIT + "</body>"));
        return page;
    }

    /// The page as it is after the visit.
    private String visit(Trace trace, String hash, String size)
            throws IOException, InterruptedException {
        assumeTrue(chromium(), "there is no chromium on the PATH to open the page with");
        Path dom = folder.resolve("dom.html");
        Path log = folder.resolve("log.txt");
        Process process =
                new ProcessBuilder(
                                "chromium",
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--enable-logging=stderr",
                                "--user-data-dir=" + folder.resolve("profile"),
                                "--window-size=" + size,
                                "--dump-dom",
                                page(trace).toUri() + hash)
                        .redirectOutput(dom.toFile())
                        .redirectError(log.toFile())
                        .redirectInput(Redirect.from(new File("/dev/null")))
                        .start();
        try {
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(Files.readString(log)).doesNotContain("CONSOLE");
        String html = Files.readString(dom);
        var seen = Pattern.compile("<pre id=\"seen\">(.*?)</pre>", Pattern.DOTALL).matcher(html);
        assertThat(seen.find()).as(html).isTrue();
        return seen.group(1).replace("&gt;", ">");
    }

    private static String line(String seen, String what) {
        return seen.lines()
                .filter(line -> line.startsWith(what + "="))
                .map(line -> line.substring(what.length() + 1))
                .findFirst()
                .orElse("");
    }

    @Test
    void page_inABrowser_stepsAndAnswers() throws IOException, InterruptedException {
        String seen = visit(written(), "#lang=en&theme=light", "1200,900");
        assertThat(line(seen, "maps")).isEqualTo("6");
        for (String what :
                new String[] {
                    "labels", "redrawn", "same", "last", "hovered", "left", "recoloured", "layer"
                }) {
            assertThat(line(seen, what)).as(what).isEqualTo("true");
        }
        assertThat(line(seen, "wide")).isEqualTo("false");
        assertThat(line(seen, "symbols")).isEqualTo("xt ht−1, Ct−1 W, R, b σ, tanh ⊙");
        assertThat(line(seen, "legend")).isEqualTo("token given|token|token now");
        assertThat(line(seen, "picture") + line(seen, "wave")).isEmpty();
        assertThat(line(seen, "begin")).startsWith("1 / 8|a|");
        assertThat(line(seen, "forward")).startsWith("2 / 8|b|");
        assertThat(line(seen, "forward").substring(6))
                .isNotEqualTo(line(seen, "begin").substring(6));
        assertThat(line(seen, "back")).isEqualTo(line(seen, "begin"));
        assertThat(line(seen, "keys")).startsWith("3 / 8|c|").contains("✓ chosen");
        assertThat(line(seen, "slider")).startsWith("6 / 8|a|");
        assertThat(line(seen, "playing")).isEqualTo("Pause");
        assertThat(line(seen, "paused")).isEqualTo("Play");
        assertThat(line(seen, "tip")).matches("[0-3]: f = [01]\\.\\d\\d");
        assertThat(line(seen, "theme")).isEqualTo("light to dark");
        assertThat(line(seen, "language"))
                .isEqualTo("Shakespeare, character by character to 逐字续写莎士比亚");
    }

    @Test
    void page_onAPhone_inChinese_andFromTheMiddle() throws IOException, InterruptedException {
        String seen = visit(written(), "#lang=zh&theme=dark&step=4", "500,900");
        assertThat(line(seen, "begin")).startsWith("5 / 8|⏎|").contains("✓ 选中");
        assertThat(line(seen, "theme")).isEqualTo("dark to light");
        assertThat(line(seen, "wide")).isEqualTo("false");
        assertThat(line(seen, "playing")).isEqualTo("暂停");
    }

    @Test
    void page_ofACaption_showsThePicture_andItsWords() throws IOException, InterruptedException {
        Trace trace = new Trace("caption", "x.png");
        trace.picture(new byte[] {1, 2, 3});
        String[] words = {"<end>", "a", "red", "triangle", "ring"};
        try (Trace.Part part = part(trace, n -> words[n])) {
            for (int t = 0; t < 8; t++) {
                part.step("token", t % 5, t == 0, (t + 1) % 5);
            }
        }
        String seen = visit(trace, "#lang=en&theme=light&step=1", "1200,900");
        assertThat(line(seen, "text"))
                .startsWith("start:given word special|a:word now|red:word|triangle:word|ring:word");
        assertThat(line(seen, "legend")).isEqualTo("token given word|token word|token now word");
        assertThat(line(seen, "picture")).isEqualTo("data:image/png;base64,AQID");
        assertThat(line(seen, "bars")).as("places where bars begin").isEqualTo("1");
    }

    @Test
    void page_ofSpeech_showsItsWaveform_andWhichDigitsCount()
            throws IOException, InterruptedException {
        Trace trace = new Trace("listen", "x.wav");
        int[] heard = {4, 1, 1, 4, 1, 2, 4, 4};
        try (Trace.Part part = part(trace, n -> n == 4 ? "<blank>" : "" + n)) {
            for (int t = 0; t < heard.length; t++) {
                part.step(t == 0 ? "<before>" : "0.03 s", true, heard[t]);
            }
        }
        trace.sound(new float[32]);
        String seen = visit(trace, "#lang=en&theme=dark", "500,900");
        assertThat(line(seen, "text")).isEqualTo("·:now|1:heard|1:again|·:|1:heard|2:heard|·:|·:");
        assertThat(line(seen, "legend")).isEqualTo("token heard|token again|token|token now");
        assertThat(line(seen, "wave")).isNotEmpty();
        assertThat(line(seen, "begin")).startsWith("1 / 8|silence put before the sound|");
        assertThat(line(seen, "wide")).isEqualTo("false");
    }
}
