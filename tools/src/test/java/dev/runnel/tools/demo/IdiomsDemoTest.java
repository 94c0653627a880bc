package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.decode.Decoder;
import dev.runnel.decode.Decoding;
import dev.runnel.decode.Strategy;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

class IdiomsDemoTest {
    private static final String START = "画龙点睛";

    private static Model model;
    private static Vocabulary vocabulary;
    private static List<String> real;

    @BeforeAll
    static void load() throws IOException {
        model = compile(KernelSet.AUTO);
        vocabulary = new Vocabulary(Embedded.text("idioms/vocabulary.txt").strip(), 1);
        real = Embedded.text("idioms/idioms.txt").lines().toList();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Model compile(KernelSet kernels) throws IOException {
        return Model.compile(
                Embedded.model("idioms/idioms.onnx"), Options.defaults().kernels(kernels));
    }

    private static List<IdiomsDemo.Link> chain(
            Model model, Iterable<String> idioms, Strategy strategy, boolean realOnly, int rounds) {
        List<IdiomsDemo.Link> chain = new ArrayList<>();
        try (IdiomsDemo demo =
                new IdiomsDemo(model, vocabulary, new Idioms(idioms), strategy, realOnly)) {
            String before = START;
            for (int round = 0; round < rounds; round++) {
                StringBuilder heard = new StringBuilder();
                Optional<IdiomsDemo.Link> link = demo.next(before, heard::append);
                if (link.isEmpty()) {
                    break;
                }
                before = link.get().idiom();
                assertThat(heard.toString()).isEqualTo(before);
                chain.add(link.get());
            }
            assertThat(demo.steps().count()).isEqualTo(3L * chain.size());
        }
        return chain;
    }

    @Test
    void chain_ofManyRounds_linksAndNeverRepeats() {
        for (Strategy strategy :
                List.of(
                        Strategy.greedy(),
                        Strategy.sample(3),
                        Strategy.sample(3).temperature(5),
                        Strategy.beam(4))) {
            List<IdiomsDemo.Link> chain = chain(model, real, strategy, false, 500);
            assertThat(chain).hasSize(500);
            Set<String> known = new HashSet<>(real);
            Set<String> said = new HashSet<>(Set.of(START));
            String before = START;
            for (IdiomsDemo.Link link : chain) {
                assertThat(link.idiom()).hasSize(4).startsWith(before.substring(3));
                assertThat(said.add(link.idiom())).as(link.idiom()).isTrue();
                assertThat(known.contains(link.idiom())).as(link.idiom()).isEqualTo(link.real());
                before = link.idiom();
            }
            assertThat(chain.getFirst().real()).as("no idiom begins with 睛").isFalse();
            assertThat(chain.stream().filter(IdiomsDemo.Link::real).count()).isGreaterThan(480);
            assertThat(chain.subList(1, 100)).allMatch(IdiomsDemo.Link::real);
        }
    }

    @Test
    void chain_withTheSameSeed_isTheSameOnEveryKernelSet() throws IOException {
        try (Model scalar = compile(KernelSet.SCALAR)) {
            for (Strategy strategy :
                    List.of(Strategy.greedy(), Strategy.sample(5), Strategy.beam(3))) {
                assertThat(chain(scalar, real, strategy, false, 50))
                        .isEqualTo(chain(model, real, strategy, false, 50));
            }
        }
    }

    @Test
    void chain_realOnly_stopsWhereNoIdiomBegins() {
        assertThat(chain(model, real, Strategy.greedy(), true, 10)).isEmpty();
    }

    @Test
    void chain_whenAllIsSaid_stops() {
        List<String> few = List.of("睛一一二", "二三三二", "二一一一");
        assertThat(chain(model, few, Strategy.greedy(), false, 10))
                .extracting(IdiomsDemo.Link::idiom)
                .containsExactly("睛一一二", "二三三二", "二一一一");
    }

    @Test
    void next_withoutARealIdiom_makesOneUpThatLeadsBack() {
        List<IdiomsDemo.Link> chain = chain(model, List.of("二三三二"), Strategy.greedy(), false, 10);
        assertThat(chain.getFirst().real()).isFalse();
        assertThat(chain.getFirst().idiom()).startsWith("睛").endsWith("二");
        assertThat(chain.get(1)).isEqualTo(new IdiomsDemo.Link("二三三二", true));
    }

    @Test
    void warmSteps_afterAGame_measuresAsManySteps() {
        try (IdiomsDemo demo =
                new IdiomsDemo(model, vocabulary, new Idioms(real), Strategy.greedy(), false)) {
            demo.next(START, _ -> {});
            assertThat(demo.steps().count()).isEqualTo(3);
            assertThat(demo.warmSteps(30).count()).isEqualTo(30);
        }
    }

    /// What the model does on its own, without being held to the list: the figure of the training
    /// script, through the whole of this runtime.
    @Test
    void model_fromEachBeginning_saysARealIdiomAndTheEnd() {
        Set<Character> beginnings = real.stream().map(i -> i.charAt(0)).collect(Collectors.toSet());
        Set<String> known = Set.copyOf(real);
        int right = 0;
        try (Decoder decoder = Decoder.of(model).end(0).limit(Idioms.LENGTH).open()) {
            for (char first : beginnings) {
                try (Decoding stream = decoder.begin()) {
                    StringBuilder idiom = new StringBuilder().append(first);
                    decoder.feed(stream, vocabulary.token(first));
                    decoder.run(
                            stream,
                            token -> {
                                idiom.append(vocabulary.character(token));
                                return true;
                            });
                    boolean ended = stream.ending() == Decoding.Ending.END_TOKEN;
                    right += ended && known.contains(idiom.toString()) ? 1 : 0;
                }
            }
        }
        assertThat(beginnings).hasSize(1754);
        assertThat(right).isGreaterThanOrEqualTo(1750);
    }
}
