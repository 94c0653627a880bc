package dev.runnel.formats.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.Snapshot;
import dev.runnel.State;
import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.Models;
import dev.runnel.formats.Recipe;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// Random stacks of PyTorch's RNN, GRU, LSTM, their cells and Linear: what PyTorch computes, what
/// the state_dict does through a recipe, a suggested one where it says all, and what the exported
/// ONNX model does. Stacks that can be stepped are, with a snapshot on the way.
///
/// Two hundred in each build, of fixed seeds, drawn by one process of the Python that has PyTorch
/// (Debian's `python3-torch`; `-Drunnel.python=PROGRAM` names another); `-Drunnel.random=N` draws
/// more, `-Drunnel.random.seed=S` others.
class RandomStackTest {
    private static final long SEED = Long.getLong("runnel.random.seed", 0);
    private static final int STACKS = Integer.getInteger("runnel.random", 200);
    private static final Path SCRIPT = Path.of("src", "test", "python", "random_stacks.py");
    private static final Path FOLDER = Path.of("target", "stacks").toAbsolutePath();

    @TestFactory
    Stream<DynamicTest> stack_drawnAtRandom_isWhatPyTorchComputes()
            throws IOException, InterruptedException {
        String python = python();
        assumeTrue(
                python != null, "no Python with torch: install python3-torch, or -Drunnel.python");
        Path log = FOLDER.resolve("python.log");
        Files.createDirectories(FOLDER);
        Process process =
                new ProcessBuilder(
                                String.valueOf(python),
                                SCRIPT.toAbsolutePath().toString(),
                                FOLDER.toString(),
                                Long.toString(SEED),
                                Integer.toString(STACKS))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        assertThat(process.waitFor(10 + STACKS, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(() -> read(log)).isZero();
        return LongStream.range(SEED, SEED + STACKS)
                .mapToObj(seed -> DynamicTest.dynamicTest("seed " + seed, () -> check(seed)));
    }

    /// The first of some Pythons that has torch, or null.
    static @Nullable String python() throws IOException, InterruptedException {
        for (String python :
                new String[] {System.getProperty("runnel.python", "python3"), "/usr/bin/python3"}) {
            try {
                Process p =
                        new ProcessBuilder(python, "-c", "import numpy, torch")
                                .redirectErrorStream(true)
                                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                .start();
                if (p.waitFor(2, TimeUnit.MINUTES) && p.exitValue() == 0) {
                    return python;
                }
            } catch (IOException e) {
                continue; // there is no such program
            }
        }
        return null;
    }

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static void check(long seed) throws IOException {
        Path folder = FOLDER.resolve(Long.toString(seed));
        Tensor x = TensorFile.read(folder.resolve("x.npy"));
        Tensor want = TensorFile.read(folder.resolve("y.npy"));
        Checkpoint weights = Checkpoint.read(folder.resolve("weights.pt"));
        Path written = folder.resolve("recipe.yaml");
        boolean isWritten = Files.exists(written);
        String suggested = Recipe.suggest(weights);
        Recipe recipe = isWritten ? Recipe.read(written) : Recipe.of("suggested", suggested);
        String what = "seed " + seed + "\n" + (isWritten ? Files.readString(written) : suggested);
        Graph graph = recipe.graph(weights);
        assertThat(graph.metadata()).as(what).doesNotContainKey("unused_tensors");
        Tensor got = run(graph, x);
        assertClose(what, got, want);
        Path onnx = folder.resolve("model.onnx");
        if (Files.exists(onnx)) {
            assertClose("ONNX of " + what, run(Models.read(onnx), x), want);
        }
        boolean timeFirst = !isWritten || !Files.readString(written).contains("layout: NTI");
        boolean keepsTime = want.shape().rank() == 3 && timeFirst;
        if (keepsTime && graph.nodes().stream().noneMatch(RandomStackTest::looksAhead)) {
            checkSteps(what, graph, x, got);
        }
    }

    private static boolean looksAhead(Node node) {
        return node.attributes().get("direction") instanceof Attribute.OfString;
    }

    private static Tensor run(Graph graph, Tensor x) {
        try (Model model = Model.compile(graph, Options.defaults().stateless());
                Session session = model.open()) {
            return session.run(Map.of("x", x)).values().iterator().next();
        }
    }

    private static void assertClose(String what, Tensor got, Tensor want) {
        assertThat(got.shape()).as(what).isEqualTo(want.shape());
        for (long i = 0; i < want.elements(); i++) {
            double w = want.getDouble(i);
            assertThat(Math.abs(got.getDouble(i) - w))
                    .as("%s: [%s] is %s, expected %s", what, i, got.getDouble(i), w)
                    .isLessThanOrEqualTo(1e-5 + 1e-4 * Math.abs(w));
        }
    }

    /// The sequence's bits, step by step; half way the state is saved, and goes on as another.
    private static void checkSteps(String what, Graph graph, Tensor x, Tensor sequence) {
        Shape all = x.shape();
        Options options = Options.defaults().stateful().shape("x", 1, all.dim(1), all.dim(2));
        int steps = all.size(0);
        long in = x.data().byteSize() / steps;
        long out = sequence.data().byteSize() / steps;
        try (Model model = Model.compile(graph, options);
                Session session = model.open()) {
            State state = model.newState();
            for (int t = 0; t < steps; t++) {
                if (t == steps / 2) {
                    byte[] saved = state.snapshot().toBytes();
                    state.close();
                    state = model.newState(Snapshot.of(saved));
                }
                session.input("x").copyFrom(x.data().asSlice(t * in, in));
                session.step(state);
                MemorySegment y = session.output("y");
                assertThat(y.toArray(ValueLayout.JAVA_BYTE))
                        .as("step %s of %s", t, what)
                        .isEqualTo(
                                sequence.data()
                                        .asSlice(t * out, out)
                                        .toArray(ValueLayout.JAVA_BYTE));
            }
            state.close();
        }
    }
}
