import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
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
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Stream;

/// A service on the JDK's HTTP server: `SpeechAndTextService FOLDER PORT`, with the folder of the
/// models `write` and `listen`.
///
/// `GET /write?prompt=ROMEO:&seed=7&length=200` streams text, character by character, as
/// server-sent events. `POST /listen` takes sound, 8 kHz, 16 bits, little-endian, one channel, and
/// answers with digits while it comes. Each connection is a virtual thread with a stream of its
/// own; benches to step them on are few and shared.
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

    private void write(HttpExchange exchange) throws IOException {
        String prompt = "\n" + parameter(exchange, "prompt", "");
        long seed = Long.parseLong(parameter(exchange, "seed", "0"));
        int length = Math.min(10_000, Integer.parseInt(parameter(exchange, "length", "200")));
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
        exchange.sendResponseHeaders(200, 0);
        try (Decoding text = first.begin(); // ended if the client goes: writing to it fails then
                OutputStream out = exchange.getResponseBody()) {
            text.seed(seed);
            int[] tokens = prompt.chars().map(c -> Math.max(0, vocabulary.indexOf(c))).toArray();
            for (int n = 0; n < length; n++) {
                Decoder decoder = take(decoders);
                int token;
                try {
                    if (n == 0) {
                        decoder.feed(text, tokens);
                    }
                    token = decoder.next(text);
                } finally {
                    decoders.add(decoder);
                }
                String data = String.valueOf(vocabulary.charAt(token)).replace("\n", "\ndata: ");
                out.write(("data: " + data + "\n\n").getBytes(UTF_8));
                out.flush();
            }
        }
    }

    private void listen(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(200, 0);
        try (State ear = hearing.newState();
                OutputStream out = exchange.getResponseBody()) {
            Ctc ctc = Ctc.greedy(11, 10);
            float[] window = new float[WINDOW];
            StringBuilder heard = new StringBuilder();
            for (int silent = 0; silent < SILENCE; ) {
                byte[] bytes = exchange.getRequestBody().readNBytes(2 * HOP); // holds no session
                silent += bytes.length == 0 ? 1 : 0;
                ByteBuffer sound = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
                System.arraycopy(window, HOP, window, 0, WINDOW - HOP);
                for (int i = WINDOW - HOP; i < WINDOW; i++) {
                    window[i] = sound.remaining() >= 2 ? sound.getShort() / 32768f : 0;
                }
                Session session = take(sessions);
                try {
                    MemorySegment audio = session.input("audio");
                    MemorySegment.copy(window, 0, audio, JAVA_FLOAT, 0, WINDOW);
                    session.step(ear);
                    ctc.accept(session.output("score"), heard::append);
                } finally {
                    sessions.add(session);
                }
                if (!heard.isEmpty()) {
                    out.write(heard.toString().getBytes(UTF_8));
                    out.flush();
                    heard.setLength(0);
                }
            }
        }
    }

    /// Waits for a bench that is free.
    private static <T> T take(BlockingQueue<T> benches) throws IOException {
        try {
            return benches.take();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static String parameter(HttpExchange exchange, String name, String otherwise) {
        String query = exchange.getRequestURI().getRawQuery();
        return Stream.of(query == null ? new String[0] : query.split("&"))
                .filter(p -> p.startsWith(name + "="))
                .map(p -> URLDecoder.decode(p.substring(name.length() + 1), UTF_8))
                .reduce(otherwise, (_, given) -> given);
    }

    public static void main(String[] args) throws IOException {
        SpeechAndTextService service = new SpeechAndTextService(Path.of(args[0]));
        int port = Integer.parseInt(args[1]);
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", port), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/write", service::write);
        server.createContext("/listen", service::listen);
        server.start();
        System.out.println("listening on port " + server.getAddress().getPort());
    }
}
