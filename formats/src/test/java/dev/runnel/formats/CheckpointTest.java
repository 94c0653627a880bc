package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Files of weights hold what the framework that wrote them says they do, to the bit.
class CheckpointTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));
    private static final Path MADE =
            Path.of("src", "test", "resources", "dev", "runnel", "formats", "checkpoint");

    @TempDir private Path folder = Path.of("");

    @Test
    void files_made_areReadAsTheirFrameworkReadsThem() throws IOException {
        assertThat(compareAll(MADE)).isEqualTo(15);
    }

    @Test
    void files_drawnByChance_areReadAsTheirFrameworkReadsThem() throws IOException {
        python(MADE.resolve("make.py").toString(), folder.toString(), "7");
        assertThat(compareAll(folder)).isGreaterThan(90);
    }

    /// Compares each file with the text beside it; returns how many there are.
    private static int compareAll(Path folder) throws IOException {
        int compared = 0;
        for (Path text : list(folder, ".txt")) {
            String name = text.getFileName().toString();
            Path file = text.resolveSibling(name.substring(0, name.length() - 4));
            assertThat(lines(Checkpoint.read(file)))
                    .as(file.toString())
                    .isEqualTo(Files.readAllLines(text));
            compared++;
        }
        return compared;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "numpy-g2p_en/checkpoint20.npz",
                "pytorch-gtcrn/model_trained_on_dns3.tar",
                "pytorch-lstm/lstm.pt",
                "pytorch-lstm/lstm_legacy.pt"
            })
    void file_ofOthers_isReadAsItsFrameworkReadsIt(String name) throws IOException {
        Path file = shared("weights/" + name);
        List<String> expected =
                python(MADE.resolve("make.py").toString(), "--describe", file.toString());
        assertThat(lines(Checkpoint.read(file))).isEqualTo(expected);
    }

    @Test
    void archiveAndStream_ofOneLstm_areTheSame() throws IOException {
        List<String> archive = lines(Checkpoint.read(shared("weights/pytorch-lstm/lstm.pt")));
        List<String> stream = lines(Checkpoint.read(shared("weights/pytorch-lstm/lstm_legacy.pt")));
        assertThat(archive).isEqualTo(stream).hasSize(16);
    }

    @Test
    void safetensors_ofSilero_haveItsLayers() throws IOException {
        Checkpoint c =
                Checkpoint.read(shared("weights/safetensors-silero/silero_vad_16k.safetensors"));
        assertThat(c.tensors()).hasSize(15);
        assertThat(c.tensors().get("lstm_cell.weight_ih")).hasToString("float32[512, 128]");
        assertThat(c.tensors().values())
                .allMatch(t -> allMatch(t, v -> Math.abs(v) < 100)); // read at its place
    }

    /// The .onnx file and the checkpoint of GTCRN are of two trainings: their parameters have the
    /// same names and shapes; the matrices of the ERB filter bank, which is not trained, are equal.
    @Test
    void tensors_ofGtcrn_areThoseOfItsOnnxModel() throws IOException {
        Map<String, Tensor> tensors =
                Checkpoint.read(shared("weights/pytorch-gtcrn/model_trained_on_dns3.tar"))
                        .tensors();
        Graph graph = Models.read(shared("models/gtcrn/model.onnx"));
        int named = 0;
        int filters = 0;
        for (Map.Entry<String, Tensor> e : graph.initializers().entrySet()) {
            Tensor t = tensors.get("model." + e.getKey());
            if (t != null) {
                assertThat(t.type()).as(e.getKey()).isEqualTo(e.getValue().type());
                named++;
            }
            for (String name : List.of("model.erb.erb_fc.weight", "model.erb.ierb_fc.weight")) {
                // Linear's weights are transposed for MatMul.
                filters += isTransposed(tensors.get(name), e.getValue()) ? 1 : 0;
            }
        }
        assertThat(named).isEqualTo(78);
        assertThat(filters).isEqualTo(2);
        assertThat(tensors.keySet().stream().filter(n -> n.startsWith("model."))).hasSize(271);
    }

    private static boolean isTransposed(Tensor a, Tensor b) {
        if (a.shape().rank() != 2
                || b.shape().rank() != 2
                || a.shape().dim(0) != b.shape().dim(1)
                || a.shape().dim(1) != b.shape().dim(0)) {
            return false;
        }
        for (long i = 0; i < a.elements(); i++) {
            long row = i / a.shape().dim(1);
            long column = i % a.shape().dim(1);
            if (a.getDouble(i) != b.getDouble(column * a.shape().dim(0) + row)) {
                return false;
            }
        }
        return true;
    }

    @Test
    void tensors_thatLieRowMajor_areSlicesOfTheFile() throws IOException {
        for (String name : List.of("lstm.pt", "lstm_stream.pt", "types.safetensors")) {
            MappedFile file = MappedFile.open(MADE.resolve(name));
            assertThat(Checkpoint.read(file).tensors().values())
                    .as(name)
                    .allMatch(t -> isWithin(t.data(), file.bytes()));
        }
        MappedFile file = MappedFile.open(MADE.resolve("arrays.npz"));
        Map<String, Tensor> arrays = Checkpoint.read(file).tensors();
        assertThat(isWithin(arrays.get("double").data(), file.bytes())).isTrue();
        assertThat(isWithin(arrays.get("fortran").data(), file.bytes())).isFalse();
    }

    private static boolean isWithin(MemorySegment part, MemorySegment whole) {
        long offset = part.address() - whole.address();
        return offset >= 0 && offset + part.byteSize() <= whole.byteSize();
    }

    @Test
    void metadata_isWhatTheFileSaysOfItself() throws IOException {
        Map<String, String> trained = Checkpoint.read(MADE.resolve("trained.pt")).metadata();
        assertThat(trained)
                .containsEntry("format", "PyTorch")
                .containsEntry("epoch", "3")
                .containsEntry("loss", "0.5")
                .containsEntry("best", "0.25")
                .containsEntry("name", "tiny")
                .containsEntry("done", "true")
                .containsEntry("big", "1180591620717411303424")
                .containsEntry("dtype", "torch.float16")
                .containsEntry("optimizer.param_groups.0.lr", "0.001")
                .containsEntry("schedule.milestones.2", "2")
                .doesNotContainKeys("none", "long", "more.1.1");
        assertThat(Checkpoint.read(MADE.resolve("lstm_stream.pt")).metadata())
                .isEqualTo(Map.of("format", "PyTorch before 1.6"));
        assertThat(Checkpoint.read(MADE.resolve("types.safetensors")).metadata())
                .isEqualTo(Map.of("format", "safetensors", "made_by", "make.py", "letters", "é\n"));
        assertThat(Checkpoint.read(MADE.resolve("compressed.npz")).metadata())
                .isEqualTo(Map.of("format", "NumPy .npz", "left_out", "labels"));
    }

    // ---- the other opinion

    /// One line for each tensor, as `make.py` writes them.
    private static List<String> lines(Checkpoint c) {
        return c.tensors().entrySet().stream()
                .map(
                        e ->
                                e.getKey()
                                        + " "
                                        + e.getValue()
                                        + " "
                                        + HexFormat.of()
                                                .formatHex(
                                                        e.getValue()
                                                                .data()
                                                                .toArray(ValueLayout.JAVA_BYTE)))
                .toList();
    }

    private static List<String> python(String... arguments) throws IOException {
        for (String python : List.of("python3", "/usr/bin/python3")) {
            List<String> command = Stream.concat(Stream.of(python), Stream.of(arguments)).toList();
            if (run(List.of(python, "-c", "import torch, numpy")) != null) {
                List<String> lines = run(command);
                assertThat(lines).as(command.toString()).isNotNull();
                return lines;
            }
        }
        assumeTrue(false, "no other opinion: python3 with torch and numpy is missing");
        return List.of();
    }

    /// What a process prints; null if it fails or there is no such program.
    private static List<String> run(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
            List<String> lines = process.inputReader().lines().toList();
            return process.waitFor() == 0 ? lines : null;
        } catch (IOException e) {
            return null;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean allMatch(Tensor t, java.util.function.DoublePredicate p) {
        for (long i = 0; i < t.elements(); i++) {
            if (!p.test(t.getDouble(i))) {
                return false;
            }
        }
        return true;
    }

    private static Path shared(String name) {
        Path file = SHARED.resolve(name);
        assumeTrue(Files.exists(file), "no test data: " + file + " is missing");
        return file;
    }

    private static List<Path> list(Path folder, String ending) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(ending)).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
