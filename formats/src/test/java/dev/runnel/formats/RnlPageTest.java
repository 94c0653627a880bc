package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The page that specifies `.rnl` is enough to read it: `read_rnl.py` was written from it, in
/// another language and without protobuf. `small.rnl` is what the first version wrote, `small.txt`
/// what the script says of it.
class RnlPageTest {
    private static final Path ROOT = Path.of(System.getProperty("runnel.root", ".."));
    private static final Path FILES = ROOT.resolve("formats/src/test/resources/dev/runnel/formats");

    @TempDir Path folder = Path.of("");

    private static Graph small() {
        byte[] halves = {0x40, 0x3f, (byte) 0x80, (byte) 0xbf};
        Tensor bf16 =
                new Tensor(
                        new TensorType(DType.BFLOAT16, Shape.of(2, 1)),
                        MemorySegment.ofArray(halves));
        Tensor bools =
                new Tensor(
                        new TensorType(DType.BOOL, Shape.of(2)),
                        MemorySegment.ofArray(new byte[] {1, 0}));
        Graph branch =
                new Graph(
                        "",
                        List.of(),
                        List.of(new ValueInfo("z", DType.FLOAT32, null)),
                        Map.of("inner", Tensor.ofFloats(Shape.of(1), 0.5f)),
                        List.of(
                                new Node(
                                        "add",
                                        "",
                                        "Add",
                                        List.of("x", "inner"),
                                        List.of("z"),
                                        Map.of())),
                        Map.of());
        Map<String, Attribute> all =
                Map.of(
                        "branch", new Attribute.OfGraph(branch),
                        "integer", new Attribute.OfLong(-3),
                        "integers", new Attribute.OfLongs(List.of(1L, -1L, 1L << 40)),
                        "number", new Attribute.OfFloat(0.25f),
                        "numbers", new Attribute.OfFloats(List.of(1f, -2.5f)),
                        "tensor", new Attribute.OfTensor(bools),
                        "text", new Attribute.OfString("画"),
                        "texts", new Attribute.OfStrings(List.of("a", "")));
        return new Graph(
                "small",
                List.of(
                        new ValueInfo(
                                "x",
                                DType.FLOAT32,
                                List.of(Dim.of("batch"), Dim.of(2), Dim.of("")))),
                List.of(ValueInfo.of("y", new TensorType(DType.INT64, Shape.SCALAR))),
                Map.of(
                        "w",
                        bf16,
                        "w again",
                        bf16,
                        "scalar",
                        Tensor.ofLongs(Shape.SCALAR, -7),
                        "none",
                        Tensor.ofFloats(Shape.of(0, 3))),
                List.of(
                        new Node(
                                "n",
                                "com.example",
                                "Everything",
                                List.of("x", "", "w"),
                                List.of("y"),
                                all)),
                Map.of("author", "nobody", "licence", "none"));
    }

    @Test
    void small_isWrittenAndReadAsByTheFirstVersion() throws IOException {
        Path file = folder.resolve("small.rnl");
        Models.write(small(), file);
        assertThat(Files.readAllBytes(file))
                .isEqualTo(Files.readAllBytes(FILES.resolve("small.rnl")));
        Graphs.assertSame(Models.read(FILES.resolve("small.rnl")), small());
    }

    @Test
    void readerWrittenFromThePage_readsTheSame() throws Exception {
        assumeTrue(hasPython(), "python3 is not here");
        Path out = folder.resolve("out.txt");
        Process python =
                new ProcessBuilder(
                                "python3",
                                FILES.resolve("read_rnl.py").toString(),
                                FILES.resolve("small.rnl").toString())
                        .redirectErrorStream(true)
                        .redirectOutput(out.toFile())
                        .start();
        assertThat(python.waitFor()).as(Files.readString(out)).isEqualTo(0);
        assertThat(Files.readString(out)).isEqualTo(Files.readString(FILES.resolve("small.txt")));
    }

    private static boolean hasPython() throws InterruptedException {
        try {
            return new ProcessBuilder("python3", "--version").start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void page_hasTheMessagesOfTheProto() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/formats.md"), StandardCharsets.UTF_8);
        String proto = Files.readString(ROOT.resolve("formats/src/main/proto/runnel.proto"));
        assertThat(page).contains(proto.substring(proto.indexOf("message Header")).strip());
    }
}
