package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.State;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// What is wrong with one stream is not the others' trouble.
class FaultyStreamTest {
    private static final int LIMIT = 6;

    private static Model withFeature() {
        return Model.compile(TinyLanguageModel.graphWithFeature(), Options.defaults().stateful());
    }

    private static DecoderBuilder settings(Model model, Strategy strategy) {
        return Decoder.of(model).input("token").strategy(strategy).limit(LIMIT);
    }

    private static int[] alone(Decoder decoder, int first) {
        try (Decoding text = decoder.begin()) {
            decoder.feed(text, first);
            decoder.run(text, token -> true);
            return text.tokens();
        }
    }

    private static void runAll(Decoder decoder, List<Decoding> batch) {
        while (!batch.stream().allMatch(Decoding::isFinished)) {
            decoder.step(batch);
        }
    }

    private static void assertFailed(Decoder decoder, Decoding stream, String why) {
        assertThat(stream.isFinished()).isTrue();
        assertThat(stream.ending()).isEqualTo(Decoding.Ending.FAILED);
        assertThat(stream.failure()).hasMessage(why);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(stream::poll)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the stream failed: " + why)
                    .hasCause(stream.failure());
        }
        assertThatThrownBy(() -> decoder.next(stream)).hasMessage("the stream failed: " + why);
        assertThatThrownBy(() -> decoder.feed(stream, 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the stream failed: " + why);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void nan_failsItsStreamAlone(int place) {
        MemorySegment nan = MemorySegment.ofArray(new float[] {0, Float.NaN, 0, 0, 0, 0});
        for (Strategy strategy : List.of(Strategy.greedy(), Strategy.beam(2))) {
            try (Model model = withFeature();
                    Decoder decoder = settings(model, strategy).open(3);
                    Decoding bad = decoder.begin();
                    Decoding a = decoder.begin();
                    Decoding b = decoder.begin()) {
                List<Decoding> batch = new ArrayList<>(List.of(a, b));
                batch.add(place, bad);
                decoder.feed(bad, 2);
                decoder.feed(a, 3);
                decoder.feed(b, 4);
                decoder.step(batch);
                decoder.step(batch);
                int[] before = bad.tokens();
                bad.set("feature", nan);
                runAll(decoder, batch);
                assertThat(a.tokens()).containsExactly(alone(decoder, 3));
                assertThat(b.tokens()).containsExactly(alone(decoder, 4));
                assertThat(bad.tokens()).containsExactly(before);
                for (int token : before) {
                    assertThat(bad.poll()).isEqualTo(token); // what it had said already
                }
                assertFailed(
                        decoder,
                        bad,
                        "the model's score of token 0 is NaN; look for NaN or infinities in its"
                                + " input and weights");
            }
        }
    }

    @Test
    void aConstraintThatThrows_failsItsStreamAlone() {
        for (Strategy strategy : List.of(Strategy.greedy(), Strategy.sample(1), Strategy.beam(2))) {
            try (Model model = TinyLanguageModel.compile();
                    Decoder decoder =
                            Decoder.of(model)
                                    .strategy(strategy)
                                    .limit(LIMIT)
                                    .constraint(
                                            (soFar, allowed) -> {
                                                allowed.allowAll();
                                                if (soFar.get(0) == 7 && soFar.length() > 2) {
                                                    throw new ArithmeticException("seven");
                                                }
                                            })
                                    .open(2);
                    Decoding bad = decoder.begin();
                    Decoding good = decoder.begin()) {
                decoder.feed(bad, 7);
                decoder.feed(good, 3);
                runAll(decoder, List.of(bad, good));
                assertThat(good.tokens()).containsExactly(alone(decoder, 3));
                for (int token : bad.tokens()) {
                    assertThat(bad.poll()).isEqualTo(token);
                }
                assertFailed(decoder, bad, "seven");
                try (Decoding one = decoder.begin()) {
                    decoder.feed(one, 7);
                    assertThatThrownBy(() -> decoder.run(one, token -> true))
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessage("the stream failed: seven");
                }
            }
        }
    }

    @Test
    void nanWhileScoring_failsTheStream() {
        try (Model model = withFeature();
                Decoder decoder = settings(model, Strategy.greedy()).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            text.set("feature", MemorySegment.ofArray(new float[] {Float.NaN, 0, 0, 0, 0, 0}));
            assertThatThrownBy(() -> decoder.score(text, 3))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("the stream failed: the model's score of token 0 is");
            assertThat(text.ending()).isEqualTo(Decoding.Ending.FAILED);
        }
    }

    /// A step that is refused changed nothing, whatever was wrong with it.
    @Test
    void aStepThatIsRefused_changesNothing() {
        MemorySegment feature = MemorySegment.ofArray(new float[] {3, -2, 1, 4, -5, 2});
        for (Strategy strategy : List.of(Strategy.greedy(), Strategy.beam(2))) {
            try (Model model = withFeature();
                    Model other = TinyLanguageModel.compile();
                    Decoder decoder = settings(model, strategy).open(strategy.rows() == 1 ? 2 : 4);
                    Decoder others = Decoder.of(other).strategy(strategy).open(2);
                    Decoding foreign = others.begin();
                    Decoding unfed = decoder.begin();
                    Decoding third = decoder.begin();
                    Decoding text = decoder.begin();
                    Decoding undisturbed = decoder.begin()) {
                for (Decoding d : List.of(text, undisturbed)) {
                    d.setOnce("feature", feature);
                    decoder.feed(d, 3);
                }
                others.feed(foreign, 10);
                decoder.feed(third, 1);
                List<Decoding> many = new ArrayList<>(Collections.nCopies(9, third));
                many.addFirst(text);
                for (int t = 0; t < 3; t++) {
                    assertThatThrownBy(() -> decoder.step(List.of(text, foreign)))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessage("the stream is of model tiny, the decoder of fed");
                    assertThatThrownBy(() -> decoder.step(List.of(text, unfed)))
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageStartingWith("there is nothing to go on from");
                    assertThatThrownBy(() -> decoder.step(List.of(text, text)))
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("twice in one step");
                    assertThatThrownBy(() -> decoder.step(many))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("open it for as many streams");
                    decoder.step(List.of(text));
                }
                decoder.run(text, token -> true);
                decoder.run(undisturbed, token -> true);
                assertThat(text.tokens()).containsExactly(undisturbed.tokens());
                assertThatThrownBy(() -> decoder.feed(foreign, 3))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("the stream is of model tiny, the decoder of fed");
                assertThatThrownBy(() -> decoder.score(foreign, 3))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThat(others.next(foreign)).isNotEqualTo(Decoding.NONE);
            }
        }
    }

    /// Another thread may cancel a stream in the middle of a step; here a constraint does.
    @Test
    void aStreamCancelledDuringAStep_leavesTheOthersTheirRows() {
        List<Decoding> batch = new ArrayList<>();
        try (Model model = TinyLanguageModel.compile();
                Decoder plain = Decoder.of(model).limit(LIMIT).open();
                Decoder decoder =
                        Decoder.of(model)
                                .limit(LIMIT)
                                .constraint(
                                        (soFar, allowed) -> {
                                            allowed.allowAll();
                                            if (soFar.length() == 3) {
                                                batch.get(1).cancel();
                                            }
                                        })
                                .open(3);
                Decoding a = decoder.begin();
                Decoding b = decoder.begin();
                Decoding c = decoder.begin()) {
            batch.addAll(List.of(a, b, c));
            decoder.feed(a, 3);
            decoder.feed(b, 4);
            decoder.feed(c, 5);
            runAll(decoder, batch);
            assertThat(a.tokens()).containsExactly(alone(plain, 3));
            assertThat(c.tokens()).containsExactly(alone(plain, 5));
            assertThat(b.ending()).isEqualTo(Decoding.Ending.CANCELLED);
        }
    }

    @Test
    @SuppressWarnings("try") // closed on purpose
    void aStreamThatIsClosed_isLeftOut() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(LIMIT).open(2);
                Decoding gone = decoder.begin();
                Decoding text = decoder.begin()) {
            decoder.feed(gone, 3);
            decoder.feed(text, 5);
            decoder.step(List.of(gone, text));
            gone.close();
            assertThat(gone.ending()).isEqualTo(Decoding.Ending.CANCELLED);
            runAll(decoder, List.of(gone, text));
            assertThat(text.tokens()).containsExactly(alone(decoder, 5));
        }
    }

    @Test
    void feedingACancelledStream_doesNothing() {
        try (Model model =
                        Model.compile(
                                TinyLanguageModel.graphOfVectors(), Options.defaults().stateful());
                Decoder decoder = Decoder.of(model).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            int token = decoder.next(text);
            text.cancel();
            decoder.feed(text, 2, 3);
            decoder.feed(text, MemorySegment.ofArray(new float[TinyLanguageModel.V]));
            assertThat(text.tokens()).containsExactly(token);
            assertThat(decoder.next(text)).isEqualTo(Decoding.NONE);
            assertThatThrownBy(() -> decoder.score(text, 2))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("the stream was cancelled");
        }
    }

    @Test
    void cancelling_whatIsOver_changesNothing() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(1).open();
                Decoding text = decoder.begin()) {
            assertThatThrownBy(() -> decoder.score(text, 2))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("there is nothing to go on from");
            decoder.feed(text, 1);
            decoder.run(text, token -> true);
            text.cancel();
            assertThat(text.ending()).isEqualTo(Decoding.Ending.LIMIT);
        }
    }

    @Test
    void aStreamThatCannotBegin_leavesNoStateBehind() {
        // A model with open states refuses to close.
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).strategy(Strategy.beam(3)).open();
                Model other = withFeature();
                State foreign = other.newState()) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> decoder.begin(foreign))
                        .isInstanceOf(IllegalArgumentException.class);
            }
        }
    }
}
