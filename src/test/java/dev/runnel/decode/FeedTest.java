package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.graph.DType;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// What feeding does to what was chosen before it, and to the limit.
class FeedTest {
    private static final int V = TinyLanguageModel.V;

    private static int[] rest(Decoder decoder, Decoding text) {
        List<Integer> seen = new ArrayList<>();
        decoder.run(text, seen::add);
        return seen.stream().mapToInt(Integer::intValue).toArray();
    }

    @Test
    void noTokens_areNothingFed() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(2).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            decoder.step(List.of(text));
            decoder.feed(text);
            int first = text.poll();
            assertThat(first).isNotEqualTo(Decoding.NONE);
            decoder.run(text, token -> true);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.LIMIT);
            decoder.feed(text);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.LIMIT);
            assertThat(decoder.next(text)).isEqualTo(Decoding.NONE);
            assertThat(text.tokens()).hasSize(2).startsWith(first);
        }
    }

    @Test
    void aTokenOrAVector_startsTheLimitAndTheTokensAnew() {
        float[] one = new float[V];
        one[3] = 1;
        try (Model model =
                        Model.compile(
                                TinyLanguageModel.graphOfVectors(), Options.defaults().stateful());
                Decoder decoder = Decoder.of(model).limit(3).open();
                Decoding byToken = decoder.begin();
                Decoding byVector = decoder.begin()) {
            decoder.feed(byToken, 5);
            decoder.feed(byVector, 5);
            for (int round = 0; round < 3; round++) {
                int[] want = rest(decoder, byToken);
                assertThat(want).hasSize(3);
                assertThat(byToken.tokens()).containsExactly(want);
                assertThat(rest(decoder, byVector)).containsExactly(want);
                assertThat(byVector.tokens()).containsExactly(want);
                decoder.feed(byToken, 3);
                decoder.feed(byVector, MemorySegment.ofArray(one));
                assertThat(byToken.ending()).isNull();
                assertThat(byVector.ending()).isNull();
                assertThat(byToken.tokens()).isEmpty();
                assertThat(byVector.tokens()).isEmpty();
            }
        }
    }

    @Test
    void vectorsInABatch_areEachStreamsOwn() {
        try (Model model =
                        Model.compile(
                                TinyLanguageModel.graphOfVectors(), Options.defaults().stateful());
                Decoder decoder = Decoder.of(model).limit(4).open(3)) {
            List<Decoding> batch = new ArrayList<>();
            for (int v = 0; v < 3; v++) {
                float[] one = new float[V];
                one[v] = 1;
                batch.add(decoder.begin());
                decoder.feed(batch.getLast(), MemorySegment.ofArray(one));
            }
            while (!batch.getLast().isFinished()) {
                decoder.step(batch);
            }
            for (int v = 0; v < 3; v++) {
                try (Decoding d = decoder.begin()) {
                    decoder.feed(d, v);
                    assertThat(batch.get(v).tokens()).containsExactly(rest(decoder, d));
                }
                batch.get(v).close();
            }
        }
    }

    @Test
    void tokensOf32Bits_areTheSameTokens() {
        try (Model wide = TinyLanguageModel.compile();
                Model narrow =
                        Model.compile(
                                TinyLanguageModel.graph(DType.INT32),
                                Options.defaults().stateful());
                Decoder a = Decoder.of(wide).limit(20).open();
                Decoder b = Decoder.of(narrow).limit(20).open();
                Decoding x = a.begin();
                Decoding y = b.begin()) {
            a.feed(x, 1, 2);
            b.feed(y, 1, 2);
            assertThat(rest(b, y)).containsExactly(rest(a, x));
        }
    }

    /// A stream that could not be fed is where it was.
    @Test
    @SuppressWarnings("try") // closed on purpose
    void aFeedThatIsRefused_leavesTheStreamOver() {
        try (Model model = TinyLanguageModel.compile();
                Decoder closed = Decoder.of(model).limit(2).open();
                Decoder decoder = Decoder.of(model).limit(2).open();
                Decoding text = decoder.begin();
                Decoding undisturbed = decoder.begin()) {
            decoder.feed(text, 5);
            decoder.feed(undisturbed, 5);
            decoder.run(text, token -> true);
            decoder.run(undisturbed, token -> true);
            closed.close();
            assertThatThrownBy(() -> closed.feed(text, 6))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.LIMIT);
            assertThat(text.tokens()).hasSize(2);
            decoder.feed(text, 6);
            decoder.feed(undisturbed, 6);
            assertThat(rest(decoder, text)).containsExactly(rest(decoder, undisturbed));
        }
    }

    @Test
    void begin_fromAnyThread_whileTheDecoderWorks() throws Exception {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(1000).open();
                ExecutorService threads = Executors.newFixedThreadPool(3);
                Decoding text = decoder.begin()) {
            List<Future<List<Decoding>>> begun = new ArrayList<>();
            for (int n = 0; n < 3; n++) {
                begun.add(
                        threads.submit(
                                () -> {
                                    List<Decoding> streams = new ArrayList<>();
                                    for (int i = 0; i < 200; i++) {
                                        streams.add(decoder.begin());
                                    }
                                    return streams;
                                }));
            }
            decoder.feed(text, 1);
            int[] all = rest(decoder, text);
            for (Future<List<Decoding>> streams : begun) {
                for (Decoding stream : streams.get()) {
                    decoder.feed(stream, 1);
                    assertThat(decoder.next(stream)).isEqualTo(all[0]);
                    stream.close();
                }
            }
        }
    }
}
