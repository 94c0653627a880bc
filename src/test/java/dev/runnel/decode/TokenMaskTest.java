package dev.runnel.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.stream.IntStream;

class TokenMaskTest {
    private static int[] tokens(TokenMask mask) {
        return IntStream.iterate(mask.next(0), t -> t >= 0, t -> mask.next(t + 1)).toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 63, 64, 65, 128, 200})
    void allTokens_areThoseOfTheVocabulary(int v) {
        TokenMask mask = new TokenMask(v);
        assertThat(tokens(mask)).isEmpty();
        mask.allowAll();
        assertThat(tokens(mask)).containsExactly(IntStream.range(0, v).toArray());
        mask.forbid(v - 1);
        assertThat(mask.isAllowed(v - 1)).isFalse();
        assertThat(tokens(mask)).containsExactly(IntStream.range(0, v - 1).toArray());
        mask.forbidAll();
        mask.allow(v - 1);
        assertThat(mask.isAllowed(v - 1)).isTrue();
        assertThat(tokens(mask)).containsExactly(v - 1);
    }

    @Test
    void tokensThatAreNone_areRefused() {
        TokenMask mask = new TokenMask(65);
        for (int token : new int[] {-1, 65, 127}) {
            assertThatThrownBy(() -> mask.allow(token))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> mask.forbid(token))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> mask.isAllowed(token))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
