package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.graph.ValueInfo.Dim;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// What is written is read again to the bit, whatever a graph may hold.
class RoundTripTest {
    @TempDir Path folder = Path.of("");

    /// Of each element type, all bit patterns it may have among them: NaN, −0, what no model has.
    private static Tensor random(DType dtype, long... dims) {
        TensorType type = new TensorType(dtype, Shape.of(dims));
        byte[] bytes = new byte[(int) type.byteSize()];
        new Random(dtype.ordinal()).nextBytes(bytes);
        if (dtype == DType.BOOL) {
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] &= 1;
            }
        }
        return new Tensor(type, MemorySegment.ofArray(bytes));
    }

    private static Graph everything() {
        Map<String, Tensor> initializers = new LinkedHashMap<>();
        for (DType t : DType.values()) {
            initializers.put("all." + t, random(t, 3, 5, 7));
        }
        initializers.put("scalar", Tensor.ofFloats(Shape.SCALAR, Float.NaN));
        initializers.put("none", random(DType.FLOAT32, 2, 0));
        initializers.put("画龙点睛", random(DType.BFLOAT16, 33));
        Tensor twice = random(DType.FLOAT16, 9);
        initializers.put("same.1", twice);
        initializers.put("same.2", twice);
        ValueInfo x =
                new ValueInfo(
                        "x",
                        DType.FLOAT32,
                        List.of(Dim.of("batch"), Dim.of(3), Dim.of(""), Dim.of("time 时")));
        ValueInfo unranked = new ValueInfo("unranked", DType.INT64, null);
        ValueInfo scalar = new ValueInfo("s", DType.BOOL, List.of());
        Graph inner =
                new Graph(
                        "",
                        List.of(new ValueInfo("i", DType.INT64, List.of())),
                        List.of(new ValueInfo("o", DType.FLOAT32, null), unranked),
                        Map.of("c", random(DType.INT8, 4)),
                        List.of(
                                new Node(
                                        "inner",
                                        "",
                                        "Add",
                                        List.of("x", "c"),
                                        List.of("o"),
                                        Map.of(
                                                "deeper",
                                                new Attribute.OfGraph(
                                                        new Graph(
                                                                "", List.of(), List.of(), Map.of(),
                                                                List.of(), Map.of()))))),
                        Map.of());
        Map<String, Attribute> attributes =
                Map.of(
                        "long", new Attribute.OfLong(Long.MIN_VALUE),
                        "float", new Attribute.OfFloat(-0f),
                        "string", new Attribute.OfString("σ \u0000 \n"),
                        "longs", new Attribute.OfLongs(List.of(0L, -1L, Long.MAX_VALUE)),
                        "noLongs", new Attribute.OfLongs(List.of()),
                        "floats", new Attribute.OfFloats(List.of(1f, Float.NEGATIVE_INFINITY)),
                        "strings", new Attribute.OfStrings(List.of("", "b")),
                        "tensor", new Attribute.OfTensor(random(DType.UINT32, 2, 2)),
                        "shared", new Attribute.OfTensor(twice),
                        "graph", new Attribute.OfGraph(inner));
        Node node =
                new Node(
                        "node",
                        "com.example",
                        "Everything",
                        List.of("x", "", "same.1"),
                        List.of("", "y"),
                        attributes);
        return new Graph(
                "everything",
                List.of(x, unranked, scalar),
                List.of(new ValueInfo("y", DType.FLOAT64, List.of(Dim.of(1)))),
                initializers,
                List.of(node),
                Map.of("author", "画", "opset.com.example", "3", "empty", ""));
    }

    @Test
    void everyConstruct_survivesRnl() throws IOException {
        Path file = folder.resolve("e.rnl");
        Models.write(everything(), file);
        Graph read = Models.read(file);
        Graphs.assertSame(read, everything());
        assertThat(read.name()).isEqualTo("e.rnl");
        assertThat(read.metadata()).containsEntry("format", "Runnel 1.0");
        assertThat(read.initializers().get("same.1")).isSameAs(read.initializers().get("same.2"));
        read.initializers().values().forEach(t -> assertThat(t.data().address() % 64).isEqualTo(0));
    }

    @Test
    void everyConstruct_survivesOnnx() throws IOException {
        Path file = folder.resolve("e.onnx");
        Models.write(everything(), file);
        Graph read = Models.read(file);
        Graphs.assertSameNetwork(read, everything());
        assertThat(read.metadata())
                .containsEntry("author", "画")
                .containsEntry("opset", "22")
                .containsEntry("opset.com.example", "3")
                .containsEntry("ir_version", "10")
                .containsEntry("producer", "Runnel")
                .containsEntry("empty", "");
    }

    @Test
    void sameGraph_givesTheSameBytes() throws IOException {
        for (String ending : List.of(".rnl", ".onnx")) {
            Path first = folder.resolve("a" + ending);
            Path second = folder.resolve("b" + ending);
            Models.write(everything(), first);
            Models.write(Models.read(first), second);
            assertThat(Files.mismatch(first, second)).isEqualTo(-1);
        }
    }

    @Test
    void nodesInNoOrder_areSortedForOnnx() throws IOException {
        ValueInfo x = ValueInfo.of("x", new TensorType(DType.FLOAT32, Shape.of(1)));
        ValueInfo y = ValueInfo.of("y", new TensorType(DType.FLOAT32, Shape.of(1)));
        Graph body =
                new Graph(
                        "",
                        List.of(),
                        List.of(new ValueInfo("b", DType.FLOAT32, null)),
                        Map.of(),
                        List.of(node("inner", "a", "b")),
                        Map.of());
        Node outer =
                new Node(
                        "outer",
                        "",
                        "If",
                        List.of("condition"),
                        List.of("y"),
                        Map.of("then_branch", new Attribute.OfGraph(body)));
        Graph graph =
                new Graph(
                        "g",
                        List.of(x),
                        List.of(y),
                        Map.of(),
                        List.of(outer, node("second", "t", "a"), node("first", "x", "t")),
                        Map.of());
        Path file = folder.resolve("m.onnx");
        Models.write(graph, file);
        assertThat(Models.read(file).nodes().stream().map(Node::name))
                .containsExactly("first", "second", "outer");
    }

    private static Node node(String name, String in, String out) {
        return new Node(name, "", "Identity", List.of(in), List.of(out), Map.of());
    }

    @Test
    void otherEndings_areRefused() {
        assertThatThrownBy(() -> Models.write(everything(), Path.of("m.pt")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "cannot tell what to write to 'm.pt'; its name must end in .rnl or .onnx");
    }

    @Test
    void onnxBeyondTwoGigabytes_isRefused() throws IOException {
        Path hole = folder.resolve("hole");
        MemorySegment gigabyte;
        try (FileChannel channel =
                FileChannel.open(
                        hole,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.READ)) {
            channel.write(ByteBuffer.allocate(1), (1 << 30) - 1);
            gigabyte = channel.map(FileChannel.MapMode.READ_ONLY, 0, 1 << 30, Arena.ofAuto());
        }
        Tensor large = new Tensor(new TensorType(DType.INT8, Shape.of(1 << 30)), gigabyte);
        Graph graph =
                new Graph(
                        "g",
                        List.of(),
                        List.of(),
                        Map.of("a", large, "b", large),
                        List.of(),
                        Map.of());
        assertThatThrownBy(() -> Models.write(graph, folder.resolve("m.onnx")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "g takes 2147483648 bytes as ONNX, which has room for 2147483647; write"
                                + " .rnl, or store the weights as bf16, f16 or int8");
        assertThat(folder).isDirectoryNotContaining("glob:**m.onnx");
    }
}
