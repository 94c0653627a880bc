package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.sun.management.ThreadMXBean;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorShapeProto.Dimension;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// What a graph has of the file it was read from.
class ModelsTest {
    @TempDir private Path folder = Path.of("");

    private Graph read(ModelProto.Builder model) throws IOException {
        Path file = folder.resolve("any-name");
        Files.write(file, model.build().toByteArray());
        return Models.read(file);
    }

    @Test
    void rawData_ofAnyTensor_isASliceOfTheMappedFile() throws IOException {
        ModelProto.Builder m =
                model(13, node("Constant", "", "c", attribute("value", tensor("", 5, 6))));
        m.getGraphBuilder().addInitializer(tensor("w", 1, 2, 3));
        byte[] file = m.build().toByteArray();
        Graph g = read(m);
        Tensor w = Objects.requireNonNull(g.initializers().get("w"));
        Tensor c = Objects.requireNonNull(g.initializers().get("c"));
        assertThat(w.toFloats()).containsExactly(1, 2, 3);
        assertThat(c.toFloats()).containsExactly(5, 6);
        assertThat(w.data().isMapped()).isTrue();
        assertThat(c.data().isMapped()).isTrue();
        // The same mapping: as far apart in memory as in the file.
        long apart =
                indexOf(file, tensor("w", 1, 2, 3).getRawData())
                        - indexOf(file, tensor("", 5, 6).getRawData());
        assertThat(w.data().address() - c.data().address()).isEqualTo(apart);
    }

    private static long indexOf(byte[] file, ByteString part) {
        for (int i = 0; i <= file.length - part.size(); i++) {
            if (ByteString.copyFrom(file, i, part.size()).equals(part)) {
                return i;
            }
        }
        throw new AssertionError("not in the file");
    }

    @Test
    void rawData_ofManyMegabytes_takesNoHeap() throws IOException {
        ModelProto.Builder m = model(13, node("Add", "x w", "y"));
        m.getGraphBuilder().addInitializer(tensor("w", new float[8 << 20]));
        Path file = folder.resolve("large");
        Files.write(file, m.build().toByteArray());
        Models.read(file); // classes are loaded
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        Models.read(file);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
    }

    @Test
    void dimensions_areFixedNamedOrOpen() throws IOException {
        ModelProto.Builder m = model(13);
        ValueInfoProto.Builder x = value("x", 5, 0, -1);
        x.getTypeBuilder()
                .getTensorTypeBuilder()
                .getShapeBuilder()
                .addDim(Dimension.newBuilder().setDimParam("batch"))
                .addDim(Dimension.newBuilder());
        m.getGraphBuilder().setInput(0, x);
        Graph g = read(m);
        assertThat(g.inputs().getFirst().typeText()).isEqualTo("float32[5, ?, ?, batch, ?]");
        assertThat(g.outputs()).extracting(ValueInfo::typeText).containsExactly("float32[...]");
    }

    @Test
    void inputs_thatAreInitializers_areConstants() throws IOException {
        ModelProto.Builder m = model(6, node("Add", "x w", "y")).setIrVersion(3);
        m.getGraphBuilder().addInput(value("w", 1)).addInitializer(tensor("w", 2));
        assertThat(read(m).inputs()).extracting(ValueInfo::name).containsExactly("x");
    }

    @Test
    void nodes_withoutName_getOne() throws IOException {
        Graph g =
                read(
                        model(
                                13,
                                node("Relu", "x", "a").setName(""),
                                node("Tanh", "a", "y").setName("")));
        assertThat(g.nodes()).extracting(Node::name).containsExactly("Relu_0", "Tanh_1");
    }

    @Test
    void nodes_withoutName_getOneThatIsFree() throws IOException {
        Graph g =
                read(
                        model(
                                13,
                                node("Relu", "x", "a").setName(""),
                                node("Tanh", "a", "y").setName("Relu_0")));
        assertThat(g.nodes()).extracting(Node::name).containsExactly("Relu_0_2", "Relu_0");
    }

    @Test
    void metadata_saysWhereTheModelIsFrom() throws IOException {
        ModelProto.Builder m =
                model(16)
                        .setProducerName("pytorch")
                        .setProducerVersion("2.4")
                        .setDocString(ByteString.copyFromUtf8("a VAD"))
                        .addOpsetImport(
                                OperatorSetIdProto.newBuilder().setDomain("com.acme").setVersion(3))
                        .addMetadataProps(
                                StringStringEntryProto.newBuilder()
                                        .setKey("author")
                                        .setValue("me"));
        assertThat(read(m).metadata())
                .containsEntry("format", "ONNX")
                .containsEntry("ir_version", "8")
                .containsEntry("opset", "16")
                .containsEntry("opset.com.acme", "3")
                .containsEntry("producer", "pytorch")
                .containsEntry("producer_version", "2.4")
                .containsEntry("doc", "a VAD")
                .containsEntry("author", "me");
    }

    @Test
    void branches_areReadWithTheirConstants() throws IOException {
        GraphProto.Builder branch =
                GraphProto.newBuilder()
                        .addNode(node("Constant", "", "t", attribute("value_float", 2f)))
                        .addNode(node("Squeeze", "t", "s", Onnx.longs("axes", 0)))
                        .addOutput(ValueInfoProto.newBuilder().setName("s"));
        Graph g = read(model(11, node("If", "x", "y", attribute("then_branch", branch))));
        Attribute then = g.nodes().getFirst().attributes().get("then_branch");
        Graph read = ((Attribute.OfGraph) Objects.requireNonNull(then)).value();
        assertThat(read.name()).isEqualTo("any-name/n/then_branch");
        assertThat(Onnx.text(read)).isEqualTo("s = Squeeze(2.0, [0])");
    }

    // ---- functions

    private static NodeProto.Builder call(String inputs, String outputs) {
        return node("f", inputs, outputs).setDomain("my").setName("call");
    }

    private static FunctionProto.Builder function(NodeProto.Builder... nodes) {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName("f")
                        .addInput("a")
                        .addInput("b")
                        .addOutput("c")
                        .addOutput("d");
        for (NodeProto.Builder n : nodes) {
            f.addNode(n);
        }
        return f;
    }

    @Test
    void functions_areExpanded() throws IOException {
        FunctionProto.Builder f =
                function(node("Add", "a b", "t"), node("Mul", "t t", "c"), node("Neg", "t", "d"));
        assertThat(Onnx.text(read(model(13, call("x x", "p q"), call("p q", "y")).addFunctions(f))))
                .isEqualTo(
                        """
                        call/t = Add(x, x)
                        p = Mul(call/t, call/t)
                        q = Neg(call/t)
                        call/t_2 = Add(p, q)
                        y = Mul(call/t_2, call/t_2)
                        call/d = Neg(call/t_2)\
                        """);
    }

    @Test
    void functions_haveTheirOwnOperatorSet() throws IOException {
        FunctionProto.Builder f =
                function(node("Squeeze", "a", "c", Onnx.longs("axes", 0)))
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(11));
        assertThat(Onnx.text(read(model(18, call("x", "y")).addFunctions(f))))
                .isEqualTo("y = Squeeze(x, [0])");
    }

    @Test
    void functions_takeAttributesFromTheCallOrByDefault() throws IOException {
        FunctionProto.Builder f =
                function(
                                node(
                                        "Elu",
                                        "a",
                                        "t",
                                        attribute("alpha", 0f).setRefAttrName("slope")),
                                node(
                                        "Concat",
                                        "t t",
                                        "c",
                                        attribute("axis", 0).setRefAttrName("axis")),
                                node(
                                        "Flatten",
                                        "t",
                                        "d",
                                        attribute("axis", 0).setRefAttrName("absent")))
                        .addAttribute("slope")
                        .addAttribute("absent")
                        .addAttributeProto(attribute("axis", 3));
        NodeProto.Builder call = call("x", "y z").addAttribute(attribute("slope", 0.5f));
        assertThat(Onnx.text(read(model(18, call).addFunctions(f))))
                .isEqualTo(
                        """
                        call/t = Elu(x) {alpha=0.5}
                        y = Concat(call/t, call/t) {axis=3}
                        z = Flatten(call/t)\
                        """);
    }

    @Test
    void functions_thatPassAnInputThrough_becomeIdentity() throws IOException {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName("f")
                        .addInput("a")
                        .addOutput("a");
        assertThat(Onnx.text(read(model(18, call("x", "y")).addFunctions(f))))
                .isEqualTo("y = Identity(x)");
    }

    @Test
    void functions_seeAbsentInputsAsAbsent() throws IOException {
        FunctionProto.Builder f = function(node("Clip", "a - b", "c"));
        assertThat(Onnx.text(read(model(18, call("x", "y")).addFunctions(f))))
                .isEqualTo("y = Clip(x)");
    }

    @Test
    void attributes_withoutAType_areWhatTheyHave() throws IOException {
        NodeProto.Builder n =
                node(
                        "Elu",
                        "x",
                        "y",
                        AttributeProto.newBuilder().setName("f").setF(0.5f),
                        AttributeProto.newBuilder().setName("i").setI(3),
                        AttributeProto.newBuilder().setName("s").setS(ByteString.copyFromUtf8("a")),
                        AttributeProto.newBuilder().setName("fs").addFloats(1.5f),
                        AttributeProto.newBuilder().setName("is").addInts(7));
        assertThat(read(model(18, n)).nodes().getFirst().attributes())
                .isEqualTo(
                        Map.of(
                                "f", new Attribute.OfFloat(0.5f),
                                "i", new Attribute.OfLong(3),
                                "s", new Attribute.OfString("a"),
                                "fs", new Attribute.OfFloats(List.of(1.5f)),
                                "is", new Attribute.OfLongs(List.of(7L))));
    }
}
