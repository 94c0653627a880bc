package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.Model;
import dev.runnel.Options;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Inputs beside the tokens: each stream has its own, and nobody else's.
class InputsTest {
    private static final MemorySegment FEATURE =
            MemorySegment.ofArray(new float[] {3, -2, 1, 4, -5, 2});

    private static Model model() {
        return Model.compile(TinyLanguageModel.graphWithFeature(), Options.defaults().stateful());
    }

    private static int[] text(Decoder decoder, int first, boolean feature) {
        try (Decoding text = decoder.begin()) {
            if (feature) {
                text.set("feature", FEATURE);
            }
            decoder.feed(text, first);
            decoder.run(text, token -> true);
            return text.tokens();
        }
    }

    @Test
    void whatAStreamSet_noOtherStreamReads() {
        for (Strategy strategy : List.of(Strategy.greedy(), Strategy.sample(1), Strategy.beam(3))) {
            DecoderBuilder settings;
            try (Model model = model()) {
                settings = Decoder.of(model).input("token").strategy(strategy).limit(8);
                int[] without;
                int[] with;
                try (Decoder fresh = settings.open()) {
                    without = text(fresh, 1, false);
                }
                try (Decoder fresh = settings.open()) {
                    with = text(fresh, 1, true);
                }
                assertThat(with).isNotEqualTo(without);
                try (Decoder used = settings.open(2);
                        Decoding a = used.begin();
                        Decoding b = used.begin()) {
                    assertThat(text(used, 1, true)).containsExactly(with);
                    assertThat(text(used, 1, false)).containsExactly(without);
                    // Rows change hands within a batch, too.
                    a.set("feature", FEATURE);
                    used.feed(a, 1);
                    used.feed(b, 1);
                    for (int t = 0; !a.isFinished() || !b.isFinished(); t++) {
                        used.step(t % 2 == 0 ? List.of(a, b) : List.of(b, a));
                    }
                    assertThat(a.tokens()).containsExactly(with);
                    assertThat(b.tokens()).containsExactly(without);
                }
            }
        }
    }

    @Test
    void setOnce_entersWithTheNextStepThatIsMade() {
        try (Model model = model();
                Decoder decoder = Decoder.of(model).input("token").limit(8).open();
                Decoding before = decoder.begin();
                Decoding stepwise = decoder.begin();
                Decoding between = decoder.begin()) {
            // Set before the prompt it enters with its first token, after it with the last.
            before.setOnce("feature", FEATURE);
            decoder.feed(before, 1, 2);
            decoder.feed(stepwise, 1);
            stepwise.setOnce("feature", FEATURE);
            decoder.feed(stepwise, 2);
            decoder.feed(between, 1, 2);
            between.setOnce("feature", FEATURE);
            decoder.run(before, token -> true);
            decoder.run(stepwise, token -> true);
            decoder.run(between, token -> true);
            assertThat(before.tokens()).containsExactly(stepwise.tokens());
            assertThat(before.tokens()).isNotEqualTo(between.tokens());
        }
    }

    /// A call takes back the one before it.
    @Test
    void set_afterSetOnce_stays() {
        try (Model model = model();
                Decoder decoder = Decoder.of(model).input("token").limit(8).open();
                Decoding text = decoder.begin()) {
            text.setOnce("feature", FEATURE).set("feature", FEATURE);
            decoder.feed(text, 1);
            decoder.run(text, token -> true);
            assertThat(text.tokens()).containsExactly(text(decoder, 1, true));
        }
    }

    @Test
    void whatCannotBeSet_isRefusedAtOnce() {
        try (Model model = model();
                Decoder decoder = Decoder.of(model).input("token").open();
                Decoding text = decoder.begin()) {
            for (int size : new int[] {2, 7}) {
                assertThatThrownBy(
                                () -> text.set("feature", MemorySegment.ofArray(new float[size])))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage(
                                "the value has "
                                        + 4 * size
                                        + " bytes; input 'feature' takes 24: float32[1, 1, 6]");
            }
            assertThatThrownBy(() -> text.setOnce("featur", FEATURE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("there is no input 'featur' to set; those there are: [feature]");
            assertThatThrownBy(() -> text.set("token", MemorySegment.ofArray(new long[1])))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "input 'token' is what tokens go to: feed them, or a vector in their"
                                    + " place");
        }
    }
}
