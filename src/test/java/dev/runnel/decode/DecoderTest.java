package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.internal.kernel.Allocation;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.PrimitiveIterator;
import java.util.Set;

class DecoderTest {
    private static final int V = TinyLanguageModel.V;

    /// The logits after these tokens, by a session alone.
    private static float[] logits(Model model, List<Integer> tokens) {
        try (Session session = model.open();
                State state = model.newState()) {
            for (int token : tokens) {
                session.input("token").set(JAVA_LONG, 0, token);
                session.step(state);
            }
            return session.output("logits").toArray(JAVA_FLOAT);
        }
    }

    private static int argmax(float[] scores) {
        int best = 0;
        for (int v = 0; v < scores.length; v++) {
            best = scores[v] > scores[best] ? v : best;
        }
        return best;
    }

    private static int[] generate(Decoder decoder, int... prompt) {
        try (Decoding text = decoder.begin()) {
            decoder.feed(text, prompt);
            decoder.run(text, token -> true);
            return text.tokens();
        }
    }

    @Test
    void greedy_feedsEachBestTokenBack() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(20).open()) {
            List<Integer> all = new ArrayList<>(List.of(1, 2));
            for (int i = 0; i < 20; i++) {
                all.add(argmax(logits(model, all)));
            }
            assertThat(generate(decoder, 1, 2))
                    .containsExactly(
                            all.subList(2, 22).stream().mapToInt(Integer::intValue).toArray());
        }
    }

    @Test
    void endToken_endsAndIsNotSaid() {
        try (Model model = TinyLanguageModel.compile();
                Decoder free = Decoder.of(model).limit(20).open()) {
            int[] tokens = generate(free, 3);
            int end = tokens[5];
            int first = 0;
            while (tokens[first] != end) {
                first++;
            }
            try (Decoder decoder = Decoder.of(model).limit(20).end(end).open();
                    Decoding text = decoder.begin()) {
                decoder.feed(text, 3);
                assertThat(text.ending()).isNull();
                decoder.run(text, token -> true);
                assertThat(text.tokens()).containsExactly(Arrays.copyOf(tokens, first));
                assertThat(text.ending()).isEqualTo(Decoding.Ending.END_TOKEN);
                assertThat(decoder.next(text)).isEqualTo(Decoding.NONE);
            }
        }
    }

    @Test
    void tokens_comeOneByOneAndStopWhenAsked() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(10).open();
                Decoding text = decoder.begin();
                Decoding other = decoder.begin()) {
            int[] all = generate(decoder, 4);
            decoder.feed(text, 4);
            List<Integer> seen = new ArrayList<>();
            decoder.run(
                    text,
                    token -> {
                        seen.add(token);
                        return seen.size() < 3;
                    });
            PrimitiveIterator.OfInt rest = decoder.tokens(text);
            rest.forEachRemaining((int token) -> seen.add(token));
            assertThat(seen).containsExactlyElementsOf(Arrays.stream(all).boxed().toList());

            decoder.feed(other, 4);
            decoder.next(other);
            other.cancel();
            assertThat(decoder.next(other)).isEqualTo(Decoding.NONE);
            assertThat(other.ending()).isEqualTo(Decoding.Ending.CANCELLED);
            assertThat(other.tokens()).containsExactly(all[0]);
        }
    }

    @Test
    void feed_afterTokensWereChosen_continuesTheConversation() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(4).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 5);
            decoder.run(text, token -> true);
            int[] first = text.tokens();
            decoder.feed(text, 6, 7);
            decoder.run(text, token -> true);
            List<Integer> all = new ArrayList<>(List.of(5));
            Arrays.stream(first).forEach(all::add);
            all.addAll(List.of(6, 7));
            for (int token : text.tokens()) {
                assertThat(token).isEqualTo(argmax(logits(model, all)));
                all.add(token);
            }
            assertThat(text.tokens()).hasSize(4);
        }
    }

    @Test
    void begin_fromAState_goesOnFromThere() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(6).open();
                Session session = model.open();
                State state = model.newState()) {
            session.input("token").set(JAVA_LONG, 0, 8);
            session.step(state);
            try (Decoding text = decoder.begin(state)) {
                decoder.feed(text, 2);
                decoder.run(text, token -> true);
                assertThat(text.tokens()).containsExactly(generate(decoder, 8, 2));
            }
        }
    }

    @Test
    void vectorsAndTokens_areOneInput() {
        try (Model model =
                        Model.compile(
                                TinyLanguageModel.graphOfVectors(), Options.defaults().stateful());
                Decoder decoder = Decoder.of(model).limit(6).open();
                Decoding byVector = decoder.begin()) {
            float[] one = new float[V];
            one[3] = 1;
            decoder.feed(byVector, MemorySegment.ofArray(one));
            decoder.run(byVector, token -> true);
            assertThat(byVector.tokens()).containsExactly(generate(decoder, 3));

            float[] table = new float[V * V];
            for (int v = 0; v < V; v++) {
                table[v * V + v] = 1;
            }
            try (Decoder embedded =
                    Decoder.of(model).limit(6).embedding(MemorySegment.ofArray(table)).open()) {
                assertThat(generate(embedded, 3)).containsExactly(generate(decoder, 3));
            }
        }
    }

    @Test
    void featureVector_entersOnceOrAtEveryStep() {
        float[] feature = {3, -2, 1, 4, -5, 2};
        MemorySegment vector = MemorySegment.ofArray(feature);
        try (Model model =
                        Model.compile(
                                TinyLanguageModel.graphWithFeature(),
                                Options.defaults().stateful());
                Decoder decoder = Decoder.of(model).input("token").limit(8).open();
                Session session = model.open()) {
            for (boolean always : new boolean[] {false, true}) {
                List<Integer> want = new ArrayList<>();
                try (State state = model.newState();
                        Decoding text = decoder.begin()) {
                    int token = 1;
                    for (int t = 0; t < 8; t++) {
                        session.input("token").set(JAVA_LONG, 0, token);
                        session.input("feature").fill((byte) 0);
                        if (t == 0 || always) {
                            session.input("feature").copyFrom(vector);
                        }
                        session.step(state);
                        token = argmax(session.output("logits").toArray(JAVA_FLOAT));
                        want.add(token);
                    }
                    decoder.feed(text, 1);
                    Decoding set =
                            always ? text.set("feature", vector) : text.setOnce("feature", vector);
                    decoder.run(set, t -> true);
                    assertThat(Arrays.stream(text.tokens()).boxed().toList()).isEqualTo(want);
                }
            }
        }
    }

    @Test
    void score_isTheSumOfLogProbabilities() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            double got = decoder.score(text, 4, 9, 2);
            double want = 0;
            List<Integer> all = new ArrayList<>(List.of(1));
            for (int token : new int[] {4, 9, 2}) {
                float[] s = logits(model, all);
                double sum = 0;
                for (float x : s) {
                    sum += Math.exp(x);
                }
                want += s[token] - Math.log(sum);
                all.add(token);
            }
            assertThat(got).isCloseTo(want, org.assertj.core.data.Offset.offset(1e-5));
        }
    }

    private static List<int[]> texts(Model model, Strategy strategy, int streams, int rows) {
        try (Decoder decoder =
                Decoder.of(model)
                        .strategy(strategy)
                        .end(0)
                        .limit(15)
                        .repetitionPenalty(1.2)
                        .open(rows)) {
            List<Decoding> all = new ArrayList<>();
            for (int i = 0; i < streams; i++) {
                Decoding d = decoder.begin().seed(i);
                decoder.feed(d, 1 + i % (V - 1));
                all.add(d);
            }
            for (int i = 0; i < streams; i += rows) {
                List<Decoding> batch = all.subList(i, Math.min(streams, i + rows));
                while (!batch.stream().allMatch(Decoding::isFinished)) {
                    decoder.step(batch);
                }
            }
            List<int[]> texts = all.stream().map(Decoding::tokens).toList();
            all.forEach(Decoding::close);
            return texts;
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = KernelSet.class,
            names = {"SCALAR", "VECTOR"})
    void sameSeed_sameTokens_aloneAndInABatch(KernelSet kernels) {
        for (Strategy strategy :
                List.of(
                        Strategy.greedy(),
                        Strategy.sample(1),
                        Strategy.sample(1).temperature(0.7).topK(5).topP(0.9),
                        Strategy.beam(3))) {
            List<int[]> alone;
            try (Model model = TinyLanguageModel.compile()) {
                alone = texts(model, strategy, 12, 1);
            }
            try (Model model = TinyLanguageModel.compile(kernels)) {
                assertThat(texts(model, strategy, 12, 5)).containsExactlyElementsOf(alone);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = KernelSet.class,
            names = {"SCALAR", "VECTOR"})
    void aToken_onceCompiled_allocatesNothing(KernelSet kernels) {
        for (Strategy strategy : List.of(Strategy.sample(1).topK(4).topP(0.9), Strategy.beam(3))) {
            try (Model model =
                            Model.compile(
                                    TinyLanguageModel.graphWithFeature(),
                                    Options.defaults().stateful().kernels(kernels));
                    Decoder decoder =
                            Decoder.of(model)
                                    .input("token")
                                    .strategy(strategy)
                                    .repetitionPenalty(1.1)
                                    .limit(Integer.MAX_VALUE)
                                    .open();
                    Decoding text = decoder.begin()) {
                decoder.feed(text, 1);
                // Arrays double now and then, but not within any 2000 tokens.
                assertThat(Allocation.onceCompiled(() -> decoder.next(text))).isZero();
            }
        }
    }

    /// By the definition, over all tokens there were: once and for all or step by step is the same.
    @Test
    void repetitionPenalty_isOnAllThatWasFedOrChosen() {
        try (Model model = TinyLanguageModel.compile()) {
            List<Integer> all = new ArrayList<>(List.of(1, 2));
            for (int i = 0; i < 20; i++) {
                float[] scores = logits(model, all);
                for (int v : Set.copyOf(all)) {
                    scores[v] = scores[v] > 0 ? scores[v] / 1.7f : scores[v] * 1.7f;
                }
                all.add(argmax(scores));
            }
            int[] want = all.subList(2, 22).stream().mapToInt(Integer::intValue).toArray();
            for (Strategy strategy : List.of(Strategy.greedy(), Strategy.beam(1))) {
                try (Decoder decoder =
                        Decoder.of(model)
                                .strategy(strategy)
                                .repetitionPenalty(1.7)
                                .limit(20)
                                .open()) {
                    assertThat(generate(decoder, 1, 2)).containsExactly(want);
                }
            }
            try (Decoder without = Decoder.of(model).limit(20).open()) {
                assertThat(generate(without, 1, 2)).isNotEqualTo(want);
            }
        }
    }

    @Test
    void constraint_decidesWhatMayBeChosen() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder =
                        Decoder.of(model)
                                .limit(30)
                                .constraint(
                                        (soFar, allowed) -> {
                                            for (int v = 0; v < V; v++) {
                                                boolean said = false;
                                                for (int i = 0; i < soFar.length(); i++) {
                                                    said |= soFar.get(i) == v;
                                                }
                                                if (!said) {
                                                    allowed.allow(v);
                                                }
                                            }
                                        })
                                .open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 0);
            decoder.run(text, token -> true);
            assertThat(text.tokens()).hasSize(V - 1).doesNotHaveDuplicates().doesNotContain(0);
            assertThat(text.ending()).isEqualTo(Decoding.Ending.NOTHING_ALLOWED);
        }
    }

    @Test
    void wrongUse_isRefusedSayingWhatToDo() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).open();
                Decoding text = decoder.begin();
                Decoding second = decoder.begin()) {
            assertThatThrownBy(() -> decoder.next(text))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "there is nothing to go on from: feed a start token, a prompt or a"
                                    + " vector first");
            assertThatThrownBy(() -> decoder.feed(text, 11))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("token is 11, expected 0 to 10");
            assertThatThrownBy(() -> decoder.feed(text, MemorySegment.ofArray(new float[V])))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the vector has 44 bytes; input 'token' takes 8 of int64");
            decoder.feed(text, 1);
            decoder.feed(second, 1);
            assertThatThrownBy(() -> decoder.step(List.of(text, second)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "2 streams take 2 rows, the decoder has 1; open it for as many"
                                    + " streams");
            assertThatThrownBy(() -> Decoder.of(model).input("x").open())
                    .hasMessage("tiny has no input 'x'; it has [token]");
            assertThatThrownBy(() -> Decoder.of(model).end(11).open())
                    .hasMessage("the end token is 11, expected 0 to 10");
        }
    }
}
