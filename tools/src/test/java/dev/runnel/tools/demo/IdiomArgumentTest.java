package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IdiomArgumentTest {
    private static final Vocabulary VOCABULARY = new Vocabulary("画龙点睛", 1);
    private static final String WANTED = "an idiom of four Chinese characters, such as 画龙点睛";

    @ParameterizedTest
    @ValueSource(strings = {"画龙点睛", " 画龙点睛\n", "\u3000画龙点睛\u3000"})
    void parse_fourChineseCharacters_givesThemWithoutBlanks(String argument) {
        assertThat(IdiomArgument.parse(argument, VOCABULARY)).isEqualTo("画龙点睛");
    }

    @Test
    void parse_compatibilityCharacter_givesTheNormalOne() {
        assertThat(IdiomArgument.parse("睛點\uF977龙", VOCABULARY)).isEqualTo("睛點\u4EAE龙");
    }

    @Test
    void parse_unknownCharactersBeforeTheLast_arePlayedOnFrom() {
        assertThat(IdiomArgument.parse("畫龍點睛", VOCABULARY)).isEqualTo("畫龍點睛");
        assertThat(IdiomArgument.parse("𠮷𠮷𠮷龙", VOCABULARY)).isEqualTo("𠮷𠮷𠮷龙");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\t\n"})
    void parse_nothing_saysSo(String argument) {
        assertRefused(argument, "the idiom is empty, expected " + WANTED);
    }

    @ParameterizedTest
    @CsvSource({"龙, 1 character", "龙点睛, 3 characters", "画龙点睛画, 5 characters", "𠮷𠮷, 2 characters"})
    void parse_wrongLength_saysHowLong(String argument, String got) {
        assertRefused(argument, "'%s' has %s, expected 4, as in 画龙点睛".formatted(argument, got));
    }

    @Test
    void parse_longText_isCutInTheMessage() {
        assertRefused(
                "龙".repeat(500),
                "'%s…' has 500 characters, expected 4, as in 画龙点睛".formatted("龙".repeat(20)));
    }

    @Test
    void parse_otherScripts_namesTheFirstSuchCharacter() {
        String end = ", which is not a Chinese character; expected " + WANTED;
        assertRefused("abcd", "'abcd' has 'a' (U+0061)" + end);
        assertRefused("画龙点x", "'画龙点x' has 'x' (U+0078)" + end);
        assertRefused("🐉🐉🐉🐉", "'🐉🐉🐉🐉' has '🐉' (U+1F409)" + end);
        assertRefused("画龙,点睛", "'画龙,点睛' has ',' (U+002C)" + end);
        assertRefused("画龙\u0000睛", "'画龙\uFFFD睛' has U+0000" + end);
    }

    @Test
    void parse_charactersLostToTheLocale_saysHowToKeepThem() {
        String question = "????????????";
        assertRefused(
                question,
                "'%s' has '?' (U+003F), which is not a Chinese character; expected %s"
                                .formatted(question, WANTED)
                        + "; if that is not what was typed, the locale does not speak UTF-8: set"
                        + " LC_ALL=C.UTF-8");
    }

    @Test
    void parse_unknownLastCharacter_saysWhatIsKnown() {
        assertRefused(
                "点睛画龍",
                "'点睛画龍' ends with '龍' (U+9F8D), which is not among the 4 simplified characters the"
                        + " model knows; begin with another idiom, such as 画龙点睛");
        assertRefused(
                "点睛画𠮷",
                "'点睛画𠮷' ends with '𠮷' (U+20BB7), which is not among the 4 simplified characters"
                        + " the model knows; begin with another idiom, such as 画龙点睛");
    }

    private static void assertRefused(String argument, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> IdiomArgument.parse(argument, VOCABULARY))
                .withMessage(message);
    }
}
