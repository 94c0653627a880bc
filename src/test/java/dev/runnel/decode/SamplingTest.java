package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Port;
import dev.runnel.State;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

class SamplingTest {
    private static int[] text(Decoder decoder, Decoding text) {
        decoder.feed(text, 1);
        decoder.run(text, token -> true);
        return text.tokens();
    }

    /// The first numbers that the paper's algorithm gives for this seed.
    @Test
    void dice_areSplitMix64() {
        Dice dice = new Dice();
        dice.seed(1234567);
        for (String number :
                List.of("6457827717110365317", "3203168211198807973", "9817491932198370423")) {
            long z = Long.parseUnsignedLong(number);
            assertThat(dice.next()).isEqualTo((z >>> 11) * 0x1p-53);
        }
        assertThat(dice.seed()).isEqualTo(1234567);
    }

    @Test
    void seed_isTheStrategysUntilAStreamHasItsOwn() {
        try (Model model = TinyLanguageModel.compile();
                Decoder one = Decoder.of(model).strategy(Strategy.sample(1)).limit(40).open();
                Decoder two = Decoder.of(model).strategy(Strategy.sample(2)).limit(40).open();
                Decoding a = one.begin();
                Decoding b = two.begin();
                Decoding c = one.begin().seed(2)) {
            assertThat(a.seed()).isEqualTo(1);
            assertThat(c.seed()).isEqualTo(2);
            int[] byTwo = text(two, b);
            assertThat(text(one, a)).isNotEqualTo(byTwo);
            assertThat(text(one, c)).containsExactly(byTwo);
        }
    }

    @Test
    void settings_areKeptByEachOther() {
        Strategy.Sampling sampling = Strategy.sample(9).temperature(0.5).topK(3).topP(0.25);
        assertThat(sampling).isEqualTo(new Strategy.Sampling(9, 0.5, 3, 0.25));
        assertThat(Strategy.sample(9).topP(0.25).topK(3).temperature(0.5)).isEqualTo(sampling);
        assertThat(Strategy.beam(4)).isEqualTo(new Strategy.Beam(4, 1));
        assertThat(Strategy.beam(4).lengthPenalty(0.5)).isEqualTo(new Strategy.Beam(4, 0.5));
    }

    @Test
    void hypotheses_ofOneStream_areItsTokens() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).limit(4).open();
                Decoding text = decoder.begin()) {
            int[] tokens = text(decoder, text);
            Hypothesis only = text.hypotheses().getFirst();
            assertThat(text.hypotheses()).hasSize(1);
            assertThat(only.tokens())
                    .isUnmodifiable()
                    .containsExactlyElementsOf(Arrays.stream(tokens).boxed().toList());
            assertThat(only.ended()).isFalse();
            assertThat(only.score()).isNaN();
            List<Integer> mine = new ArrayList<>(List.of(1));
            Hypothesis made = new Hypothesis(mine, 0, true);
            mine.add(2);
            assertThat(made.tokens()).containsExactly(1);
        }
    }

    /// The stream's state has seen all but the last token of the best open path.
    @Test
    void state_isThatOfTheBestOpenPath() {
        try (Model model = TinyLanguageModel.compile();
                Decoder plain = Decoder.of(model).open()) {
            for (Strategy strategy : List.of(Strategy.greedy(), Strategy.beam(4))) {
                try (Decoder decoder = Decoder.of(model).strategy(strategy).open();
                        Decoding text = decoder.begin()) {
                    decoder.feed(text, 1, 2);
                    for (int t = 0; t < 12; t++) {
                        decoder.step(List.of(text));
                        Path path = text.search().path(0);
                        try (Decoding again = plain.begin()) {
                            for (int i = 0; i < path.length(); i++) {
                                plain.feed(again, path.get(i));
                            }
                            assertSame(model, text.state(), again.state());
                        }
                    }
                }
            }
        }
    }

    private static void assertSame(Model model, State a, State b) {
        for (Port port : model.states()) {
            MemorySegment x = a.tensor(port.name());
            assertThat(x.mismatch(b.tensor(port.name()))).isEqualTo(-1);
        }
    }
}
