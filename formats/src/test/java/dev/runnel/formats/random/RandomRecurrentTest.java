package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtException;

import dev.runnel.Model;
import dev.runnel.Options.KernelSet;
import dev.runnel.formats.random.Drawn.Stepping;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// Random recurrent models against ONNX Runtime: every attribute and input of RNN, GRU and LSTM,
/// odd sizes, ragged lengths, stacked, among the layers and the glue that exporters put around
/// them.
///
/// A thousand models of a fixed seed in each build; `-Drunnel.random.models=N` draws more of them,
/// `-Drunnel.random.seed=S` others. A case that fails leaves its file in `target/random`, and is
/// drawn alone by `-Drunnel.random.models=1 -Drunnel.random.seed=ITS_SEED`.
class RandomRecurrentTest {
    private static final long SEED = Long.getLong("runnel.random.seed", 20_000);
    private static final int MODELS = Integer.getInteger("runnel.random.models", 1000);
    private static final Path FOLDER = Path.of("target", "random");

    @TestFactory
    Stream<DynamicTest> model_drawnAtRandom_agreesWithOnnxRuntime() throws IOException {
        String absence = OnnxRuntime.absence();
        assumeTrue(absence == null, absence);
        Files.createDirectories(FOLDER);
        return LongStream.range(SEED, SEED + MODELS)
                .mapToObj(seed -> DynamicTest.dynamicTest("seed " + seed, () -> check(seed)));
    }

    static void check(long seed) throws IOException {
        Drawn drawn = RecurrentModel.draw(seed);
        Path file = FOLDER.resolve("recurrent-" + drawn.seed() + ".onnx");
        String difference;
        try {
            difference = difference(drawn, new Runs(drawn.ours()));
        } catch (OrtException | RuntimeException e) {
            difference = e.toString();
        }
        if (difference != null) {
            Files.write(file, drawn.ours().toByteArray());
        }
        assertThat(difference).as("%s: %s", file, drawn.story()).isNull();
    }

    /// What is wrong, or null.
    private static @Nullable String difference(Drawn drawn, Runs runs) throws OrtException {
        Map<String, Tensor> inputs = drawn.inputs();
        Map<String, Tensor> want = OnnxRuntime.run(drawn.theirs(), inputs);
        Map<String, Tensor> got = runs.run(KernelSet.SCALAR, inputs);
        String d =
                drawn.coarse()
                        ? Agreement.near(got, want, 2e-2, 2e-2)
                        : Agreement.near(got, want, 1e-5, 1e-4);
        if (d != null) {
            return d;
        }
        d = Agreement.same(runs.run(KernelSet.VECTOR, inputs), got);
        if (d != null) {
            return "by vector kernels " + d;
        }
        if (drawn.rowsAreApart() && drawn.extent(false) > 1) {
            d = Agreement.parts(runs.rows(drawn), got);
            if (d != null) {
                return "alone, row " + d;
            }
        }
        return stepped(drawn, runs, got);
    }

    private static @Nullable String stepped(Drawn drawn, Runs runs, Map<String, Tensor> want) {
        if (drawn.stepping() == Stepping.MEANINGLESS) {
            return null;
        }
        try (Model model = runs.stepped()) {
            String obstacle = model.stepObstacle().orElse(null);
            switch (drawn.stepping()) {
                case POSSIBLE -> {
                    if (obstacle != null) {
                        return "is refused: " + obstacle;
                    }
                }
                case IMPOSSIBLE -> {
                    return obstacle == null ? "is stepped, though some node runs backwards" : null;
                }
                default -> {
                    if (obstacle != null) {
                        return null;
                    }
                }
            }
            // A step is one stream's: of an open batch each row, else the whole.
            boolean apart = drawn.rowsAreApart();
            List<Map<String, Tensor>> streams =
                    apart
                            ? IntStream.range(0, drawn.extent(false))
                                    .mapToObj(drawn::inputsOfRow)
                                    .toList()
                            : List.of(drawn.inputs());
            List<List<Map<String, Tensor>>> steps = Runs.steps(model, drawn, streams);
            List<Map<String, Tensor>> rows = apart ? runs.rows(drawn) : List.of(want);
            for (int n = 0; n < rows.size(); n++) {
                String d = Agreement.parts(steps.get(n), rows.get(n));
                if (d != null) {
                    return "of row " + n + ", step " + d;
                }
            }
            return null;
        }
    }
}
