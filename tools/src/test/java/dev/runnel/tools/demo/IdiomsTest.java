package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.List;

class IdiomsTest {
    @Test
    void after_withIdiomsThatLeadOn_leavesOutDeadEnds() {
        Idioms idioms = new Idioms(List.of("甲一一乙", "甲二二丙", "乙三三甲"));
        assertThat(idioms.after('甲')).containsExactly("甲一一乙");
        assertThat(idioms.open()).containsExactlyInAnyOrder('甲', '乙');
    }

    @Test
    void after_withDeadEndsOnly_givesThem() {
        Idioms idioms = new Idioms(List.of("甲二二丙", "甲一一丁", "乙三三乙"));
        assertThat(idioms.after('甲')).containsExactly("甲一一丁", "甲二二丙");
    }

    @Test
    void after_anIdiomWasSaid_leavesItOut() {
        Idioms idioms = new Idioms(List.of("甲一一甲", "甲二二甲"));
        idioms.say("甲一一甲");
        assertThat(idioms.after('甲')).containsExactly("甲二二甲");
        assertThat(idioms.isSaid("甲一一甲")).isTrue();
        assertThat(idioms.isReal("甲一一甲")).isTrue();
    }

    @Test
    void after_aCharacterThatBeginsNone_isEmpty() {
        Idioms idioms = new Idioms(List.of("甲一一甲"));
        assertThat(idioms.after('睛')).isEmpty();
    }

    @Test
    void open_withoutACircle_isEveryBeginning() {
        Idioms idioms = new Idioms(List.of("甲一一乙", "乙二二丙"));
        assertThat(idioms.open()).containsExactlyInAnyOrder('甲', '乙');
        idioms.say("甲一一乙");
        idioms.say("乙二二丙");
        assertThat(idioms.open()).isEmpty();
    }
}
