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

    private Path page() throws IOException {
        Trace trace = new Trace("write", "ab");
        try (Trace.Part part =
                trace.part(
                        "model",
                        TinyLstm.layers(2, Map.of()),
                        "scores",
                        n -> "abc \n".substring(n, n + 1))) {
            for (int t = 0; t < 8; t++) {
                part.step("token", t % 5, t < 2, (t + 1) % 5);
            }
        }
        Path page = folder.resolve("page.html");
        Files.writeString(page, TracePage.html(trace).replace("</body>", VISIT + "</body>"));
        return page;
    }

    /// The page as it is after the visit.
    private String visit(String hash, String size) throws IOException, InterruptedException {
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
                                page().toUri() + hash)
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
        String seen = visit("#lang=en&theme=light", "1200,900");
        assertThat(line(seen, "maps")).isEqualTo("6");
        for (String what :
                new String[] {
                    "labels", "redrawn", "same", "last", "hovered", "left", "recoloured", "layer"
                }) {
            assertThat(line(seen, what)).as(what).isEqualTo("true");
        }
        assertThat(line(seen, "wide")).isEqualTo("false");
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
        String seen = visit("#lang=zh&theme=dark&step=4", "500,900");
        assertThat(line(seen, "begin")).startsWith("5 / 8|⏎|").contains("✓ 选中");
        assertThat(line(seen, "theme")).isEqualTo("dark to light");
        assertThat(line(seen, "wide")).isEqualTo("false");
        assertThat(line(seen, "playing")).isEqualTo("暂停");
    }
}
