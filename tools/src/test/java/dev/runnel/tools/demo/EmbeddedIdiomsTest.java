package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

class EmbeddedIdiomsTest {
    private final String characters = Embedded.text("idioms/vocabulary.txt").strip();
    private final List<String> idioms = Embedded.text("idioms/idioms.txt").lines().toList();

    EmbeddedIdiomsTest() throws IOException {}

    @Test
    void idioms_inTheJar_areDistinctSortedAndOfFourCharacters() {
        assertThat(idioms).hasSize(7874).doesNotHaveDuplicates().isSorted();
        assertThat(idioms).allSatisfy(idiom -> assertThat(idiom).hasSize(Idioms.LENGTH));
    }

    @Test
    void vocabulary_inTheJar_isExactlyTheCharactersOfTheIdioms() {
        int[] used = String.join("", idioms).chars().sorted().distinct().toArray();
        assertThat(characters.chars().toArray()).isEqualTo(used);
        Vocabulary vocabulary = new Vocabulary(characters, 1);
        assertThat(vocabulary.size()).isEqualTo(3002);
        for (int i = 0; i < characters.length(); i++) {
            assertThat(vocabulary.token(characters.charAt(i))).isEqualTo(i + 1);
            assertThat(vocabulary.character(i + 1)).isEqualTo(characters.charAt(i));
        }
        assertThat(vocabulary.contains('龍')).isFalse();
        assertThat(vocabulary.contains(0x20BB7)).isFalse();
    }

    @Test
    void source_inTheJar_isNamedWithItsLicence() throws IOException {
        assertThat(Embedded.text("idioms/README.md"))
                .contains("THUOCL", "MIT License", "Copyright (c) 2018 THUNLP", "WITHOUT WARRANTY");
    }
}
