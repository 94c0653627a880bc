package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.longs;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/// Whatever the bytes of a file, reading it ends soon, in a graph or in one of three exceptions.
@Timeout(60)
class MutationTest {
    private static final int MUTATIONS = 4000;
    private static final long MAX_HEAP_BYTES = 4 << 20; // for files of about 1 kB
    private static final byte[] EXTREMES = {0, 1, 2, 7, 8, 0x0a, 0x3a, 0x42, 0x4a, 0x7f, -128, -1};

    @TempDir private Path folder = Path.of("");

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void models_mutated_areReadOrRefused() throws IOException {
        List<byte[]> seeds = List.of(recurrent(), branching(), old(), functions());
        hammer("m.onnx", seeds, file -> Models.read(file));
    }

    @Test
    void tensors_mutated_areReadOrRefused() throws IOException {
        Path npy = folder.resolve("seed.npy");
        TensorFile.writeNpy(npy, Tensor.ofFloats(Shape.of(2, 3), new float[6]));
        byte[] fortran =
                new String(Files.readAllBytes(npy), StandardCharsets.ISO_8859_1)
                        .replace("False, 'shape': (2, 3), }", "True, 'shape': (2, 3), } ")
                        .getBytes(StandardCharsets.ISO_8859_1);
        List<byte[]> seeds =
                List.of(
                        tensor("w", 1, 2, 3).build().toByteArray(),
                        tensor("w", 1).clearRawData().addFloatData(5).build().toByteArray(),
                        Files.readAllBytes(npy),
                        fortran);
        hammer("t.pb", seeds, file -> TensorFile.read(file));
    }

    private interface Reading {
        Object read(Path file) throws IOException;
    }

    private void hammer(String name, List<byte[]> seeds, Reading reading) throws IOException {
        Random random = new Random(22);
        for (int i = 0; i < MUTATIONS; i++) {
            read(name, mutated(seeds.get(i % seeds.size()), random), reading);
        }
    }

    private void read(String name, byte[] bytes, Reading reading) throws IOException {
        Path file = Files.write(folder.resolve(name), bytes);
        long before = threads.getCurrentThreadAllocatedBytes();
        try {
            reading.read(file);
        } catch (MalformedModelException | UnsupportedModelException e) {
            assertThat(e).hasMessageStartingWith(name + ": ");
        } catch (IOException e) {
            assertThat(e.getMessage()).isNotEmpty(); // a mutated name of an external file
        } catch (Throwable e) {
            throw new AssertionError("this file: " + HexFormat.of().formatHex(bytes), e);
        }
        long taken = threads.getCurrentThreadAllocatedBytes() - before;
        if (taken > MAX_HEAP_BYTES) {
            throw new AssertionError(
                    taken + " bytes of heap for this file: " + HexFormat.of().formatHex(bytes));
        }
    }

    private static byte[] mutated(byte[] seed, Random random) {
        byte[] b = seed.clone();
        for (int n = 1 + random.nextInt(3); n > 0 && b.length > 1; n--) {
            int at = random.nextInt(b.length);
            switch (random.nextInt(6)) {
                case 0 -> b[at] = (byte) random.nextInt();
                case 1 -> b[at] = EXTREMES[random.nextInt(EXTREMES.length)];
                case 2 -> b[at] ^= (byte) (1 << random.nextInt(8));
                case 3 -> b = Arrays.copyOf(b, at);
                case 4 -> { // a piece is gone
                    int to = Math.min(b.length, at + 1 + random.nextInt(8));
                    byte[] less = Arrays.copyOf(b, b.length - (to - at));
                    System.arraycopy(b, to, less, at, b.length - to);
                    b = less;
                }
                default -> { // a piece comes twice
                    int length = Math.min(b.length - at, 1 + random.nextInt(32));
                    byte[] more = Arrays.copyOf(b, b.length + length);
                    System.arraycopy(b, at, more, at + length, b.length - at);
                    b = more;
                }
            }
        }
        return b;
    }

    // ---- the files to start from

    private static byte[] recurrent() {
        ModelProto.Builder m =
                model(
                        14,
                        node(
                                "LSTM",
                                "x w r",
                                "y h",
                                attribute("hidden_size", 1),
                                attribute("direction", "forward")),
                        node("Reshape", "y s", "z"));
        m.getGraphBuilder()
                .addInitializer(
                        tensor("w", 1, 2, 3, 4).clearDims().addDims(1).addDims(4).addDims(1))
                .addInitializer(
                        tensor("r", 1, 2, 3, 4).clearDims().addDims(1).addDims(4).addDims(1))
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("s")
                                .setDataType(7)
                                .addDims(1)
                                .addInt64Data(-1))
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("e")
                                .setDataType(1)
                                .addDims(1)
                                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                                .addExternalData(
                                        StringStringEntryProto.newBuilder()
                                                .setKey("location")
                                                .setValue("m.onnx"))
                                .addExternalData(
                                        StringStringEntryProto.newBuilder()
                                                .setKey("length")
                                                .setValue("4")))
                .setInput(0, value("x", 3, 1, 1));
        return m.build().toByteArray();
    }

    private static byte[] branching() {
        GraphProto.Builder branch =
                GraphProto.newBuilder()
                        .addNode(node("Constant", "", "t", attribute("value", tensor("", 1, 2))))
                        .addOutput(value("t", 2));
        return model(
                        16,
                        node(
                                "If",
                                "x",
                                "y",
                                attribute("then_branch", branch),
                                attribute("else_branch", branch)),
                        node("Cast", "y", "z", attribute("to", 7)))
                .build()
                .toByteArray();
    }

    private static byte[] old() {
        ModelProto.Builder m =
                model(
                        6,
                        node("Add", "x b", "a", attribute("broadcast", 1), attribute("axis", 1)),
                        node("Softmax", "a", "s", attribute("axis", 2)),
                        node("Squeeze", "s", "t", longs("axes", 0)),
                        node("Slice", "t", "u", longs("starts", 0), longs("ends", 1)),
                        node("Clip", "u", "v", attribute("min", 0f)),
                        node("Pad", "v", "p", longs("pads", 0, 1), attribute("value", 1f)),
                        node("Dropout", "p", "d", attribute("is_test", 1)),
                        node("BatchNormalization", "d b b b b", "q", attribute("is_test", 1)),
                        node("Split", "q", "y z"));
        m.getGraphBuilder().addInitializer(tensor("b", 1, 2));
        return m.build().toByteArray();
    }

    private static byte[] functions() {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName("f")
                        .addInput("a")
                        .addOutput("b")
                        .addAttribute("k")
                        .addNode(node("Elu", "a", "t", attribute("alpha", 0f).setRefAttrName("k")))
                        .addNode(node("Concat", "t t", "b", attribute("axis", 0)));
        return model(18, node("f", "x", "y", attribute("k", 1f)).setDomain("my"))
                .addFunctions(f)
                .build()
                .toByteArray();
    }
}
