package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.Model;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class TrieTest {
    private static final List<int[]> WORDS =
            List.of(new int[] {1, 2}, new int[] {1, 2, 3}, new int[] {4}, new int[] {1, 5});

    private static List<Integer> allowed(Trie trie, int... tokens) {
        Path path = new Path();
        path.feed(9);
        for (int token : tokens) {
            path.choose(token);
        }
        TokenMask mask = new TokenMask(70);
        trie.allow(path, mask);
        List<Integer> all = new ArrayList<>();
        for (int v = 0; v < mask.vocabularySize(); v++) {
            if (mask.isAllowed(v)) {
                all.add(v);
            }
        }
        return all;
    }

    @Test
    void prefixes_goOnToWordsAndWordsToTerminators() {
        Trie trie = Trie.of(WORDS, 0, 69);
        assertThat(allowed(trie)).containsExactly(1, 4);
        assertThat(allowed(trie, 1)).containsExactly(2, 5);
        assertThat(allowed(trie, 1, 2)).containsExactly(0, 3, 69);
        assertThat(allowed(trie, 1, 2, 3)).containsExactly(0, 69);
        assertThat(allowed(trie, 4, 69)).containsExactly(1, 4);
        assertThat(allowed(trie, 4, 69, 1)).containsExactly(2, 5);
        assertThat(allowed(trie, 7)).isEmpty();
    }

    @Test
    void wordsThatCannotBe_areRefused() {
        assertThatThrownBy(() -> Trie.of(List.of(new int[] {1, 0}), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("word [1, 0] is empty or has terminator 0 in it");
        assertThatThrownBy(() -> Trie.of(WORDS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a trie of 4 words and 0 terminators, expected at least one of each");
    }

    @Test
    void whateverTheStrategy_onlyWordsAreSaid() {
        List<Strategy> strategies =
                List.of(Strategy.greedy(), Strategy.sample(3), Strategy.beam(3));
        try (Model model = TinyLanguageModel.compile()) {
            for (Strategy strategy : strategies) {
                try (Decoder decoder =
                                Decoder.of(model)
                                        .strategy(strategy)
                                        .end(0)
                                        .limit(10)
                                        .constraint(Trie.of(WORDS, 0))
                                        .open();
                        Decoding d = decoder.begin()) {
                    decoder.feed(d, 9);
                    decoder.run(d, token -> true);
                    assertThat(WORDS).contains(d.tokens());
                }
            }
        }
    }
}
