package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.GraphBuilder;
import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Settings that cannot be meant are refused when they are made, or when a decoder is opened.
class DecoderBuilderTest {
    @Test
    void numbersOfStreamsThatCannotBe_areRefused() {
        try (Model model = TinyLanguageModel.compile()) {
            assertThatThrownBy(() -> Decoder.of(model).open(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("streams is 0, expected at least 1");
            assertThatThrownBy(
                            () ->
                                    Decoder.of(model)
                                            .strategy(Strategy.beam(3))
                                            .open(Integer.MAX_VALUE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "2147483647 streams of 3 rows each are more than a session can have");
            assertThatThrownBy(() -> Decoder.of(model).open(Integer.MAX_VALUE))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void anEmbedding_needsAnInputThatTakesVectors() {
        MemorySegment table = MemorySegment.ofArray(new float[TinyLanguageModel.V * 4]);
        try (Model model = TinyLanguageModel.compile()) {
            assertThatThrownBy(() -> Decoder.of(model).embedding(table).open())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith(
                            "input 'token' is int64[1, 1] and the embedding has 176 bytes; tokens"
                                    + " go to");
        }
        try (Model model =
                Model.compile(TinyLanguageModel.graphOfVectors(), Options.defaults().stateful())) {
            assertThatThrownBy(() -> Decoder.of(model).embedding(table).open())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("float32[1, 1, 11] and the embedding has 176 bytes");
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-50, 1e50})
    void repetitionPenalty_thatIsNoPositiveFloat_isRefused(double penalty) {
        try (Model model = TinyLanguageModel.compile()) {
            assertThatThrownBy(() -> Decoder.of(model).repetitionPenalty(penalty))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "repetitionPenalty is "
                                    + penalty
                                    + ", expected a positive float, 1 for none");
        }
    }

    @Test
    void aTrieOfTokensThatAreNone_isRefused() {
        Trie trie = Trie.of(List.of(new int[] {1, 11}), 0);
        String why = "a word or terminator of the trie has token 11, the vocabulary has 0 to 10";
        try (Model model = TinyLanguageModel.compile()) {
            assertThatThrownBy(() -> Decoder.of(model).constraint(trie).open())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(why);
            try (Decoder decoder = Decoder.of(model).constraint(trie::allow).open();
                    Decoding text = decoder.begin()) {
                decoder.feed(text, 1);
                assertThatThrownBy(() -> decoder.next(text)).hasMessageEndingWith(why);
            }
            Trie terminated = Trie.of(List.of(new int[] {1, 2}), 11);
            assertThatThrownBy(() -> Decoder.of(model).constraint(terminated).open())
                    .hasMessage(why);
        }
        assertThatThrownBy(() -> Trie.of(List.of(new int[] {1, -1}), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("word [1, -1] has token -1, expected at least 0");
        assertThatThrownBy(() -> Trie.of(List.of(new int[] {1}), 0, -2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("terminator is -2, expected at least 0");
    }

    @Test
    void portsThatAreNotThere_areRefused() {
        try (Model model =
                Model.compile(
                        TinyLanguageModel.graphWithFeature(), Options.defaults().stateful())) {
            assertThatThrownBy(() -> Decoder.of(model).open())
                    .hasMessage("fed has the inputs [token, feature]; name one: .input(name)");
            assertThatThrownBy(() -> Decoder.of(model).input("feature").open())
                    .hasMessageStartingWith("input 'feature' is float32[1, 1, 6]; tokens go to");
            assertThatThrownBy(() -> Decoder.of(model).input("token").logits("y").open())
                    .hasMessage("fed has no output 'y'; it has [logits]");
            assertThatThrownBy(() -> Decoder.of(model).limit(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("limit is 0, expected at least 1");
        }
    }

    private static int[] text(DecoderBuilder settings) {
        try (Decoder decoder = settings.strategy(Strategy.sample(5)).limit(40).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            decoder.run(text, token -> true);
            return text.tokens();
        }
    }

    @Test
    void logitsAndProbabilities_areTwoWaysToSayTheSame() {
        try (Model model =
                Model.compile(
                        TinyLanguageModel.graphWithProbabilities(),
                        Options.defaults().stateful())) {
            int[] byLogits = text(Decoder.of(model).logits("logits"));
            assertThat(text(Decoder.of(model).probabilities("p"))).containsExactly(byLogits);
            // What is called last counts.
            assertThat(text(Decoder.of(model).probabilities("p").logits("logits")))
                    .containsExactly(byLogits);
            assertThat(text(Decoder.of(model).logits("p"))).isNotEqualTo(byLogits);
            assertThatThrownBy(() -> text(Decoder.of(model).probabilities("logits")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("if the output has logits, name it by .logits(name)");
            assertThatThrownBy(() -> Decoder.of(model).open())
                    .hasMessage("tiny has the outputs [logits, p]; name one: .logits(name)");
        }
    }

    /// What is set later is for decoders that are opened later.
    @Test
    void anOpenDecoder_keepsItsSettings() {
        try (Model model = TinyLanguageModel.compile()) {
            DecoderBuilder settings = Decoder.of(model).limit(3);
            try (Decoder decoder = settings.open()) {
                settings.limit(5).strategy(Strategy.beam(2));
                try (Decoding text = decoder.begin()) {
                    decoder.feed(text, 1);
                    decoder.run(text, token -> true);
                    assertThat(text.tokens()).hasSize(3);
                }
            }
        }
    }

    @Test
    void scoresAreOfOneStepOfOneStream() {
        try (Model model =
                Model.compile(
                        new GraphBuilder("wide")
                                .input("token", DType.FLOAT32, "T", 1, 4)
                                .output("y", DType.FLOAT32, "T", 2, 2)
                                .constant("shape", Tensor.ofLongs(Shape.of(3), -1, 2, 2))
                                .node("Reshape", "token shape", "y")
                                .build(),
                        Options.defaults().stateful())) {
            assertThatThrownBy(() -> Decoder.of(model).open())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("output 'y' is float32[1, 2, 2] in one step; scores");
        }
    }

    @Test
    void byDefault_256TokensAreChosen() {
        try (Model model = TinyLanguageModel.compile();
                Decoder decoder = Decoder.of(model).open();
                Decoding text = decoder.begin()) {
            decoder.feed(text, 1);
            decoder.run(text, token -> true);
            assertThat(text.tokens()).hasSize(256);
        }
    }
}
