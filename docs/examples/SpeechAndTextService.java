import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.decode.Ctc;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;
import dev.runnel.formats.Models;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PushbackInputStream;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/// `SpeechAndTextService FOLDER PORT`, with the folder of the models `write` and `listen`. `GET
/// /write?prompt=ROMEO:&seed=7&length=200` streams text as server-sent events. `POST /listen` takes
/// sound, 8 kHz, 16 bits, little-endian, one channel, and answers with digits while it comes. Each
/// connection is a virtual thread with a stream of its own, stepped on shared benches.
public class SpeechAndTextService {
    private static final int WINDOW = 360; // samples that a step sees
    private static final int HOP = 240; // from one to the next
    private static final int SILENCE = 10; // hops that the last digit needs behind it

    private final String vocabulary;
    private final Model hearing;
    private final Decoder first;
    private final BlockingQueue<Decoder> decoders = new LinkedBlockingQueue<>();
    private final BlockingQueue<Session> sessions = new LinkedBlockingQueue<>();

    private SpeechAndTextService(Path folder) throws IOException {
        vocabulary = Files.readString(folder.resolve("write/vocabulary.txt"));
        hearing = Model.compile(Models.read(folder.resolve("listen/listen.onnx")));
        Model writing = Model.compile(Models.read(folder.resolve("write/write.onnx")));
        for (int worker = Runtime.getRuntime().availableProcessors(); worker > 0; worker--) {
            Strategy strategy = Strategy.sample(0).temperature(0.7);
            decoders.add(Decoder.of(writing).strategy(strategy).limit(10_000).open());
            sessions.add(hearing.open());
        }
        first = decoders.element();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try {
            switch (exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath()) {
                case "GET /write" -> write(exchange);
                case "POST /listen" -> listen(exchange);
                default -> exchange.sendResponseHeaders(404, -1);
            }
        } catch (IllegalArgumentException e) {
            exchange.sendResponseHeaders(400, 0);
            exchange.getResponseBody().write(("not understood: " + e.getMessage()).getBytes(UTF_8));
        }
        exchange.close();
    }

    private void write(HttpExchange exchange) throws IOException {
        String prompt = "\n" + parameter(exchange, "prompt", "");
        long seed = Long.parseLong(parameter(exchange, "seed", "0"));
        long length = Math.clamp(Long.parseLong(parameter(exchange, "length", "200")), 0, 10_000);
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
        exchange.sendResponseHeaders(200, 0);
        try (Decoding text = first.begin().seed(seed);
                PrintStream out = new PrintStream(exchange.getResponseBody(), false, UTF_8)) {
            int[] tokens = prompt.chars().map(c -> Math.max(0, vocabulary.indexOf(c))).toArray();
            on(decoders, decoder -> decoder.feed(text, tokens));
            for (int n = 0; n < length && !out.checkError(); n++) { // flushes; the client may go
                on(decoders, decoder -> decoder.step(List.of(text)));
                String character = String.valueOf(vocabulary.charAt(text.poll()));
                out.print("data: " + character.replace("\n", "\ndata: ") + "\n\n");
            }
        }
    }

    private void listen(HttpExchange exchange) throws IOException {
        PushbackInputStream in = new PushbackInputStream(exchange.getRequestBody(), 4);
        byte[] head = in.readNBytes(4);
        if (new String(head, UTF_8).equals("RIFF")) {
            throw new IllegalArgumentException("a WAV file, expected its samples alone");
        }
        in.unread(head);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(200, 0);
        try (State ear = hearing.newState();
                PrintStream out = new PrintStream(exchange.getResponseBody(), false, UTF_8)) {
            Ctc ctc = Ctc.greedy(11, 10);
            float[] window = new float[WINDOW];
            Consumer<Session> step =
                    session -> {
                        session.input("audio").copyFrom(MemorySegment.ofArray(window));
                        session.step(ear);
                        ctc.accept(session.output("score"), out::print);
                    };
            for (int silent = 0; silent < SILENCE; ) {
                byte[] bytes = in.readNBytes(2 * HOP); // holds no session
                silent += bytes.length == 0 ? 1 : 0;
                ByteBuffer sound = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
                System.arraycopy(window, HOP, window, 0, WINDOW - HOP);
                for (int i = WINDOW - HOP; i < WINDOW; i++) {
                    window[i] = sound.remaining() >= 2 ? sound.getShort() / 32768f : 0;
                }
                on(sessions, step);
                out.flush();
            }
        }
    }

    /// Works on a bench that is free, and waits for one if there is none.
    private static <B> void on(BlockingQueue<B> benches, Consumer<B> work) throws IOException {
        try {
            B bench = benches.take();
            try {
                work.accept(bench);
            } finally {
                benches.add(bench);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static String parameter(HttpExchange exchange, String name, String otherwise) {
        String query = "&" + exchange.getRequestURI().getRawQuery() + "&" + name + "=" + otherwise;
        return URLDecoder.decode(query.split("&" + name + "=", 2)[1].split("&", 2)[0], UTF_8);
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[1]);
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", port), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", new SpeechAndTextService(Path.of(args[0]))::serve);
        server.start();
        System.out.println("listening on port " + server.getAddress().getPort());
    }
}
