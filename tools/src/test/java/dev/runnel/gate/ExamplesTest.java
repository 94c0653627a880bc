package dev.runnel.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Model;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.formats.Models;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import javax.imageio.ImageIO;
import javax.tools.ToolProvider;

/// The programs of docs/examples, compiled and run as their readers would.
class ExamplesTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Path EXAMPLES = ROOT.resolve("docs/examples");
    private static final Path MODELS =
            ROOT.resolve("tools/src/main/resources/dev/runnel/tools/demo");
    private static final Path SOUNDS = MODELS.resolve("listen/held-out");
    private static final String CLASS_PATH = System.getProperty("java.class.path");
    private static final int STREAMS = 200;
    private static final int LENGTH = 60;

    @TempDir static Path classes;

    @BeforeAll
    static void compile() throws IOException {
        List<String> arguments =
                new ArrayList<>(List.of("-proc:none", "-d", classes.toString(), "-cp", CLASS_PATH));
        try (Stream<Path> files = Files.list(EXAMPLES)) {
            files.filter(f -> f.toString().endsWith(".java"))
                    .forEach(f -> arguments.add(f.toString()));
        }
        assertThat(
                        ToolProvider.getSystemJavaCompiler()
                                .run(null, null, null, arguments.toArray(String[]::new)))
                .isZero();
    }

    private static ProcessBuilder program(String... arguments) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dstdout.encoding=UTF-8",
                                "-Dsun.jnu.encoding=UTF-8",
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-cp",
                                classes + File.pathSeparator + CLASS_PATH));
        command.addAll(Arrays.asList(arguments));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("LC_ALL", "C.UTF-8"); // arguments are Chinese
        return builder;
    }

    private static List<String> run(byte[] stdin, String... arguments) throws Exception {
        Process process = program(arguments).start();
        try (OutputStream in = process.getOutputStream()) {
            in.write(stdin);
        }
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return out.lines().toList();
    }

    private static List<String> run(String... arguments) throws Exception {
        return run(new byte[0], arguments);
    }

    private static String folder(String model) {
        return MODELS.resolve(model).toString();
    }

    /// The samples of a recording of the model's, 8 kHz and 16 bits.
    private static byte[] sound(String name) throws IOException {
        byte[] wav = Files.readAllBytes(SOUNDS.resolve(name));
        return Arrays.copyOfRange(wav, 44, wav.length);
    }

    @Test
    void programs_areShort() throws IOException {
        for (String name : List.of("Idioms", "Write", "Caption", "Translate", "Listen")) {
            assertThat(Files.readAllLines(EXAMPLES.resolve(name + ".java")))
                    .as(name)
                    .hasSizeLessThanOrEqualTo(60);
        }
        assertThat(Files.readAllLines(EXAMPLES.resolve("SpeechAndTextService.java")))
                .hasSizeLessThanOrEqualTo(150);
    }

    @Test
    void idioms_playsTheChain() throws Exception {
        List<String> chain = run("Idioms", folder("idioms"), "四海为家");
        List<String> real = Files.readAllLines(MODELS.resolve("idioms/idioms.txt"));
        assertThat(chain).hasSizeGreaterThan(2).doesNotHaveDuplicates();
        assertThat(real).containsAll(chain);
        for (int i = 1; i < chain.size(); i++) {
            assertThat(chain.get(i)).startsWith(chain.get(i - 1).substring(3));
        }
    }

    @Test
    void translate_saysTheDay() throws Exception {
        assertThat(run("Translate", folder("translate"), "3rd of May 1979"))
                .containsExactly("1979-05-03");
        assertThat(run("Translate", folder("translate"), "一九七九年五月三日"))
                .containsExactly("1979-05-03");
    }

    @Test
    void write_goesOnFromThePrompt() throws Exception {
        String text = String.join("\n", run("Write", folder("write"), "ROMEO:"));
        assertThat(text).startsWith("ROMEO:").hasSizeBetween(200, 206);
    }

    @Test
    void listen_hearsTheDigits() throws Exception {
        assertThat(run(sound("04-625.wav"), "Listen", folder("listen"))).containsExactly("625");
    }

    @Test
    void caption_saysWhatIsThere() throws Exception {
        Path pictures = MODELS.resolve("caption/held-out");
        assumeTrue(Files.isDirectory(pictures), "not run: the model of captions is not there");
        List<String> captions = Files.readAllLines(pictures.resolve("captions.txt"));
        int right = 0;
        for (String line : captions.subList(0, 3)) {
            String[] parts = line.split("\t");
            String file = pictures.resolve(parts[0]).toString();
            right += run("Caption", folder("caption"), file).equals(List.of(parts[1])) ? 1 : 0;
        }
        assertThat(right).isGreaterThanOrEqualTo(2);
    }

    @Test
    void write_ofWhatIsNotInTheVocabulary_readsASpace() throws Exception {
        assertThat(run("Write", folder("write"), "12").getFirst()).startsWith("12");
        assertThat(run("Write", folder("write"), "")).isNotEmpty();
    }

    @Test
    void idioms_whereNoneFollows_stops() throws Exception {
        assertThat(run("Idioms", folder("idioms"), "画龙点睛")).containsExactly("画龙点睛");
        assertThat(run("Idioms", folder("idioms"), "abc")).isEmpty();
    }

    @Test
    void caption_ofAnotherSize_isOfTheWholePicture() throws Exception {
        Path pictures = MODELS.resolve("caption/held-out");
        String[] parts =
                Files.readAllLines(pictures.resolve("captions.txt")).getFirst().split("\t");
        BufferedImage picture = ImageIO.read(pictures.resolve(parts[0]).toFile());
        for (int side : new int[] {32, 256}) {
            BufferedImage other = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
            other.createGraphics().drawImage(picture, 0, 0, side, side, null);
            Path file = classes.resolve(side + ".png");
            ImageIO.write(other, "png", file.toFile());
            String said = run("Caption", folder("caption"), file.toString()).getFirst();
            assertThat(said).as(side + " pixels: " + parts[1]).contains("diamond");
        }
        String text = pictures.resolve("captions.txt").toString();
        assertThat(run("Caption", folder("caption"), text)).isEmpty();
    }

    // ---- the service

    private static String written(String events) {
        return events.lines()
                .collect(Collectors.joining("\n"))
                .replaceAll("data: \ndata: (\n\n|\n?$)", "data: ⏎\n\n")
                .lines()
                .filter(l -> !l.isEmpty())
                .map(l -> l.substring("data: ".length()).replace('⏎', '\n'))
                .collect(Collectors.joining());
    }

    private static String text(HttpClient client, int port, String prompt, int seed)
            throws Exception {
        String query =
                "prompt=%s&seed=%d&length=%d"
                        .formatted(URLEncoder.encode(prompt, StandardCharsets.UTF_8), seed, LENGTH);
        URI uri = URI.create("http://localhost:" + port + "/write?" + query);
        return written(
                client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body());
    }

    private static String digits(HttpClient client, int port, byte[] sound) throws Exception {
        URI uri = URI.create("http://localhost:" + port + "/listen");
        HttpRequest request =
                HttpRequest.newBuilder(uri).POST(BodyPublishers.ofByteArray(sound)).build();
        return client.send(request, BodyHandlers.ofString()).body();
    }

    /// What the model writes without a service.
    private static Map<Integer, String> writtenAlone(String prompt, int seeds) throws IOException {
        String vocabulary = Files.readString(MODELS.resolve("write/vocabulary.txt"));
        Map<Integer, String> texts = new LinkedHashMap<>();
        try (Model model = Model.compile(Models.read(MODELS.resolve("write/write.onnx")));
                Decoder decoder =
                        Decoder.of(model)
                                .strategy(Strategy.sample(0).temperature(0.7))
                                .limit(LENGTH)
                                .open()) {
            for (int seed = 0; seed < seeds; seed++) {
                StringBuilder text = new StringBuilder();
                try (Decoding stream = decoder.begin().seed(seed)) {
                    decoder.feed(stream, prompt.chars().map(vocabulary::indexOf).toArray());
                    decoder.tokens(stream)
                            .forEachRemaining((int t) -> text.append(vocabulary.charAt(t)));
                }
                texts.put(seed, text.toString());
            }
        }
        return texts;
    }

    @Test
    void service_with200Streams_givesEachItsOwn() throws Exception {
        Process process = program("SpeechAndTextService", MODELS.toString(), "0").start();
        try (BufferedReader out = process.inputReader();
                HttpClient client = HttpClient.newHttpClient();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            int port = Integer.parseInt(out.readLine().replace("listening on port ", ""));
            List<byte[]> sounds = new ArrayList<>();
            List<String> heard = new ArrayList<>();
            for (String name : List.of("00-2.wav", "04-625.wav", "08-108.wav", "12-.wav")) {
                sounds.add(sound(name));
                heard.add(digits(client, port, sounds.getLast())); // alone
            }
            assertThat(heard).contains("2", "625", "");
            Map<Integer, String> texts = writtenAlone("\nROMEO:", 10);
            assertThat(Map.copyOf(texts).values()).doesNotHaveDuplicates();
            List<Future<String>> results =
                    IntStream.range(0, STREAMS)
                            .mapToObj(
                                    n ->
                                            threads.submit(
                                                    () ->
                                                            n % 2 == 0
                                                                    ? text(
                                                                            client,
                                                                            port,
                                                                            "ROMEO:",
                                                                            n / 2 % 10)
                                                                    : digits(
                                                                            client,
                                                                            port,
                                                                            sounds.get(n / 2 % 4))))
                            .toList();
            for (int n = 0; n < STREAMS; n++) {
                assertThat(results.get(n).get())
                        .as("stream " + n)
                        .isEqualTo(n % 2 == 0 ? texts.get(n / 2 % 10) : heard.get(n / 2 % 4));
            }
            assertRefused(port, "seed=abc", "For input string: \"abc\"");
            assertRefused(port, "prompt=%25&length=1e3", "For input string: \"1e3\"");
            assertThat(digits(client, port, Files.readAllBytes(SOUNDS.resolve("00-2.wav"))))
                    .isEqualTo("not understood: a WAV file, expected its samples alone");
            assertThat(status(client, port, "GET", "/listen")).isEqualTo(404);
            assertThat(status(client, port, "GET", "/writex")).isEqualTo(404);
            assertThat(status(client, port, "GET", "/write?length=0")).isEqualTo(200);
            hangUp(port);
            assertLive(port);
        } finally {
            process.destroy();
        }
    }

    private static int status(HttpClient client, int port, String method, String path)
            throws Exception {
        URI uri = URI.create("http://localhost:" + port + path);
        HttpRequest request =
                HttpRequest.newBuilder(uri).method(method, BodyPublishers.noBody()).build();
        return client.send(request, BodyHandlers.discarding()).statusCode();
    }

    private static void assertRefused(int port, String query, String why) throws Exception {
        URI uri = URI.create("http://localhost:" + port + "/write?" + query);
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer =
                    client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
            assertThat(answer.statusCode()).isEqualTo(400);
            assertThat(answer.body()).isEqualTo("not understood: " + why);
        }
    }

    /// A client that goes in the middle of a text.
    private static void hangUp(int port) throws IOException {
        try (Socket socket = new Socket("localhost", port)) {
            socket.getOutputStream()
                    .write(
                            "GET /write?length=10000 HTTP/1.1\r\nHost: x\r\n\r\n"
                                    .getBytes(StandardCharsets.US_ASCII));
            assertThat(socket.getInputStream().readNBytes(500)).hasSize(500);
        }
    }

    /// The digit comes while the sound is still being sent.
    private static void assertLive(int port) throws IOException {
        try (Socket socket = new Socket("localhost", port)) {
            socket.setSoTimeout(60_000);
            OutputStream out = socket.getOutputStream();
            out.write(
                    "POST /listen HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            byte[] sound = Arrays.copyOf(sound("00-2.wav"), 40_000); // silence behind it
            out.write(
                    (Integer.toHexString(sound.length) + "\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            out.write(sound);
            out.write("\r\n".getBytes(StandardCharsets.US_ASCII));
            out.flush();
            InputStream in = socket.getInputStream();
            StringBuilder answer = new StringBuilder();
            while (!answer.toString().endsWith("\r\n\r\n1\r\n2")) {
                int next = in.read();
                assertThat(next).as("after " + answer).isNotNegative();
                answer.append((char) next);
            }
            out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        }
    }
}
