package dev.runnel.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.tools.DemoCommand;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

class IdiomsCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int demo(String... args) {
        return new CommandLine(new DemoCommand())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(args);
    }

    private List<String> lines() {
        return out.toString().lines().toList();
    }

    @Test
    void idioms_fromARealIdiom_playsTheRoundsAndTimesThem() {
        assertThat(demo("idioms", "四海为家", "--rounds", "5", "--time")).isZero();
        assertThat(lines()).hasSize(7);
        assertThat(lines().subList(0, 6)).allSatisfy(line -> assertThat(line).hasSize(4));
        assertThat(lines().getFirst()).isEqualTo("四海为家");
        assertThat(lines().get(6)).isEqualTo("stopped after --rounds 5");
        String time = "p50 [0-9.]+ [µm]s, p99 [0-9.]+ [µm]s a step";
        List<String> timing = err.toString().lines().toList();
        assertThat(timing).hasSize(2);
        assertThat(timing.get(0)).matches("15 steps of a JVM that has just started: " + time);
        assertThat(timing.get(1)).matches("20[01]\\d steps at full speed, [a-z0-9-]+: " + time);
    }

    @Test
    void idioms_whereNoneBegins_saysThatItMakesOneUp() {
        assertThat(demo("idioms", "画龙点睛", "--rounds", "1")).isZero();
        assertThat(lines().get(1))
                .matches("睛.{3}  \\(made up: no idiom is left that begins with 睛\\)");
        assertThat(lines().get(2)).isEqualTo("stopped after --rounds 1");
    }

    @Test
    void idioms_realOnlyWhereNoneBegins_saysWhyItStops() {
        assertThat(demo("idioms", "画龙点睛", "--real-only")).isZero();
        assertThat(lines()).containsExactly("画龙点睛", "stopped: no idiom is left that begins with 睛");
        assertThat(err.toString().strip()).isEqualTo("0 steps");
    }

    @Test
    void idioms_fromAnUnknownIdiom_saysSoAndPlaysOn() {
        assertThat(demo("idioms", "一二三四", "--rounds", "1")).isZero();
        assertThat(lines().getFirst())
                .isEqualTo("一二三四  (not among the 7874 idioms known here; playing on from 四)");
        assertThat(lines().get(1)).startsWith("四").hasSize(4);
    }

    @Test
    void idioms_fromNoIdiom_isAUsageError() {
        assertThat(demo("idioms", "abc")).isEqualTo(2);
        assertThat(err.toString())
                .startsWith(
                        "'abc' has 'a' (U+0061), which is not a Chinese character; expected an"
                                + " idiom of four Chinese characters, such as 画龙点睛");
        assertThat(out.toString()).isEmpty();
    }

    /// The idioms' own temperature is 0.
    @Test
    void idioms_withOptionsThatWouldBeIgnored_areUsageErrors() {
        assertThat(demo("idioms", "四海为家", "--seed", "7")).isEqualTo(2);
        assertThat(err.toString())
                .startsWith("temperature 0 takes the best: --seed needs a --temperature above 0");
        for (String[] dice :
                new String[][] {{"--top-k", "3"}, {"--top-p", "0.5"}, {"--seed", "1"}}) {
            err.getBuffer().setLength(0);
            assertThat(demo("idioms", "四海为家", "--beam", "2", dice[0], dice[1])).isEqualTo(2);
            assertThat(err.toString())
                    .startsWith(
                            "--beam searches for the best sequence: "
                                    + dice[0]
                                    + " does not go with it");
        }
        assertThat(demo("idioms", "四海为家", "--rounds=1", "--temperature=1", "--seed=7")).isZero();
    }

    @Test
    void idioms_withOptionsOutOfRange_areUsageErrors() {
        assertThat(demo("idioms", "四海为家", "--rounds", "0")).isEqualTo(2);
        assertThat(err.toString()).startsWith("--rounds is 0, expected at least 1");
        err.getBuffer().setLength(0);
        for (String temperature : new String[] {"-1", "NaN", "Infinity"}) {
            assertThat(demo("idioms", "四海为家", "--temperature=" + temperature)).isEqualTo(2);
        }
        assertThat(err.toString()).startsWith("--temperature is -1.0, expected at least 0");
        assertThat(demo("idioms", "四海为家", "--temperature=1", "--top-k=0")).isEqualTo(2);
        assertThat(err.toString()).contains("--top-k is 0, expected at least 1");
        assertThat(demo("idioms")).isEqualTo(2);
        assertThat(demo("idioms", "四海为家", "家喻户晓")).isEqualTo(2);
        err.getBuffer().setLength(0);
        assertThat(demo()).isEqualTo(2);
        assertThat(err.toString()).startsWith("expected a demonstration: idioms");
    }
}
