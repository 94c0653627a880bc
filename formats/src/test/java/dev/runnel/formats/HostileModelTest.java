package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;
import static dev.runnel.formats.Onnx.value;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;

/// Files that are wrong, and the very words in which they are refused.
class HostileModelTest extends Hostile {
    // ---- which file it is

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "93 4e 55 4d 50 59 01 00 | is a NumPy array (.npy)",
                "1f 8b 08 00 | is compressed by gzip",
                "1c 00 00 00 54 46 4c 33 | is a TensorFlow Lite model",
                "1c 00 00 00 4f 52 54 4d | is an ONNX Runtime .ort model",
                "3c 68 74 6d 6c 3e | begins with 3c 68 74 6d 6c 3e",
                "08 | begins with 08",
            })
    void content_ofAnotherFormat_isNamed(String hex, String found) {
        malformed(
                "the file " + found + ", expected a model (.rnl, ONNX, Keras)",
                java.util.HexFormat.ofDelimiter(" ").parseHex(hex));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "80 02 8a 0a | is a Python pickle (old PyTorch .pt)",
                "40 00 00 00 00 00 00 00 7b 22 77 22 3a | is safetensors",
            })
    void content_ofWeights_isSaidToNeedARecipe(String hex, String found) {
        refused(
                UnsupportedModelException.class,
                "the file "
                        + found
                        + " and holds weights, not a graph: runnel convert --suggest-recipe m.onnx"
                        + " writes a recipe",
                () -> read(java.util.HexFormat.ofDelimiter(" ").parseHex(hex)));
    }

    @Test
    void content_ofAGitLfsPointer_isNamed() {
        malformed(
                "the file is a Git LFS pointer, not the model itself, expected a model (.rnl, ONNX,"
                        + " Keras)",
                "version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void file_empty_isMalformed() {
        malformed("the file is empty, expected a model (.rnl, ONNX, Keras)", new byte[0]);
    }

    @Test
    void file_absent_isAnIoException() {
        assertThatThrownBy(() -> Models.read(folder.resolve("none.onnx")))
                .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void file_thatIsAFolder_isAnIoException() {
        assertThatThrownBy(() -> Models.read(folder)).isInstanceOf(IOException.class);
    }

    // ---- bytes

    @Test
    void file_truncatedAnywhere_isMalformed() {
        byte[] whole = withInitializer(tensor("w", 1, 2, 3)).build().toByteArray();
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            try {
                read(part);
                // Cut between two fields of the model; nothing tells that more should follow.
                assertThat(length).isGreaterThan(whole.length - 6);
            } catch (MalformedModelException e) {
                assertThat(e).hasMessageStartingWith("m.onnx: ");
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void file_truncatedInItsGraph_saysWhere() {
        byte[] whole = withInitializer(tensor("w", 1, 2, 3)).build().toByteArray();
        malformed(
                "ModelProto has field 7 of 67 bytes, with 46 left at byte 2; the file is truncated"
                        + " or corrupt",
                Arrays.copyOf(whole, 50));
    }

    @Test
    void length_thatLies_isMalformed() {
        // graph { initializer { raw_data of 2 GB } } in a file of 17 bytes
        byte[] bytes = {8, 8, 58, 13, 42, 11, 16, 1, 8, 8, 74, -1, -1, -1, -1, 7, 0};
        malformed(
                "TensorProto has field 9 of 2147483647 bytes, with 1 left at byte 10; the file is"
                        + " truncated or corrupt",
                bytes);
    }

    @Test
    void length_beyondAnInt_isMalformed() {
        byte[] bytes = {8, 8, 58, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1};
        malformed(
                "ModelProto has field 7 of 18446744073709551615 bytes, with 0 left at byte 2; the"
                        + " file is truncated or corrupt",
                bytes);
    }

    @Test
    void number_withoutEnd_isMalformed() {
        malformed(
                "ModelProto has a number of more than 64 bits at byte 1; the file is truncated or"
                        + " corrupt",
                new byte[] {8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1});
        malformed(
                "ModelProto has a number cut off at byte 1; the file is truncated or corrupt",
                new byte[] {8, -1});
    }

    @Test
    void field_ofAnUnknownKind_isMalformed() {
        malformed(
                "ModelProto has wire type 3 at byte 2; the file is truncated or corrupt",
                new byte[] {8, 8, 11, 0});
        malformed(
                "ModelProto has field number 0 at byte 2; the file is truncated or corrupt",
                new byte[] {8, 8, 0, 0});
    }

    @Test
    void name_thatIsNotUtf8_isMalformed() {
        byte[] bytes = model(13, node("Identity", "x", "y").setName("name")).build().toByteArray();
        String latin1 = new String(bytes, StandardCharsets.ISO_8859_1);
        malformed(
                "a name is not valid UTF-8; the file is corrupt",
                latin1.replace("name", "n\u00e4me").getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void attribute_thatIsNotUtf8_isMalformed() {
        malformed(
                "node 'n' (LSTM): attribute 'direction' is not valid UTF-8",
                model(
                        13,
                        node(
                                "LSTM",
                                "x",
                                "y",
                                attribute("direction", "").setS(ByteString.fromHex("ff")))));
    }

    @Test
    void graphs_nestedTooDeep_areMalformed() {
        GraphProto.Builder inner = GraphProto.newBuilder();
        for (int i = 0; i < 50; i++) {
            inner =
                    GraphProto.newBuilder()
                            .addNode(node("If", "x", "y", attribute("then_branch", inner)));
        }
        ModelProto.Builder m = model(13);
        m.setGraph(inner);
        assertThatThrownBy(() -> read(m.build().toByteArray()))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageMatching(
                        "m.onnx: \\w+ is nested more than 128 messages deep at byte \\d+");
    }

    @Test
    void types_nestedTooDeep_areMalformed() {
        TypeProto type = TypeProto.getDefaultInstance();
        for (int i = 0; i < 100; i++) {
            type =
                    TypeProto.newBuilder()
                            .setSequenceType(TypeProto.Sequence.newBuilder().setElemType(type))
                            .build();
        }
        ModelProto.Builder m = model(13);
        m.getGraphBuilder().addInput(ValueInfoProto.newBuilder().setName("s").setType(type));
        assertThatThrownBy(() -> read(m.build().toByteArray()))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageMatching(
                        "m.onnx: TypeProto is nested more than 128 messages deep at byte \\d+");
    }

    // ---- the model

    @Test
    void model_withoutGraph_isMalformed() {
        malformed("the model has no graph", ModelProto.newBuilder().setIrVersion(8));
    }

    @Test
    void irVersion_unknown_isRefused() {
        malformed("the model has ir_version -1, expected 1 to 13", model(13).setIrVersion(-1));
        unsupported(
                "the model has ir_version 99, newer than 13, the newest known",
                model(13).setIrVersion(99));
    }

    @Test
    void operatorSet_missingOrAbsurd_isMalformed() {
        malformed(
                "node 'n' (Relu): the file imports no operator set of domain ai.onnx",
                model(13, node("Relu", "x", "y")).clearOpsetImport());
        malformed("operator set -1 is imported, expected 1 to 27", model(-1));
        malformed(
                "operator set '' is imported in versions 13 and 14",
                model(13)
                        .addOpsetImport(
                                OperatorSetIdProto.newBuilder()
                                        .setDomain("ai.onnx")
                                        .setVersion(14)));
    }

    @Test
    void node_withoutOperator_isMalformed() {
        malformed("node 0 'n' has no op_type", model(13, node("", "x", "y")));
    }

    @Test
    void names_givenTwice_areMalformed() {
        malformed(
                "tensor 'w' is produced twice, both times as a constant",
                withInitializer(tensor("w", 1))
                        .setGraph(
                                withInitializer(tensor("w", 1))
                                        .getGraphBuilder()
                                        .addInitializer(tensor("w", 2))));
        ModelProto.Builder twoInputs = model(13, node("Relu", "x", "y"));
        twoInputs.getGraphBuilder().addInput(value("x"));
        malformed("input 'x' is declared twice", twoInputs);
        malformed(
                "node 'n' (Elu): attribute 'alpha' is given twice",
                model(13, node("Elu", "x", "y", attribute("alpha", 1f), attribute("alpha", 2f))));
    }

    @Test
    void input_thatIsNoTensor_isUnsupported() {
        ModelProto.Builder m = model(13);
        TypeProto.Builder floats =
                TypeProto.newBuilder().setTensorType(TypeProto.Tensor.newBuilder().setElemType(1));
        m.getGraphBuilder()
                .addInput(
                        ValueInfoProto.newBuilder()
                                .setName("s")
                                .setType(
                                        TypeProto.newBuilder()
                                                .setSequenceType(
                                                        TypeProto.Sequence.newBuilder()
                                                                .setElemType(floats))));
        unsupported("input 's' has type sequence(tensor(float32)); only tensors are supported", m);
    }

    @Test
    void input_ofStringsOrWithoutType_isRefused() {
        ModelProto.Builder strings = model(13);
        strings.getGraphBuilder()
                .getInputBuilder(0)
                .getTypeBuilder()
                .getTensorTypeBuilder()
                .setElemType(8);
        unsupported("input 'x' has elements of type string, which Runnel does not have", strings);
        ModelProto.Builder untyped = model(13);
        untyped.getGraphBuilder().getInputBuilder(0).clearType();
        malformed("input 'x' has no type", untyped);
        ModelProto.Builder negative = model(13);
        negative.getGraphBuilder().setInput(0, value("x", -7));
        malformed("input 'x' has dimension -7", negative);
    }

    @Test
    void attribute_ofAKindNoOperatorHas_isUnsupported() {
        unsupported(
                "node 'n' (Foo): attribute 'a' is of type sparse_tensor, which no supported"
                        + " operator has",
                model(
                        13,
                        node(
                                "Foo",
                                "x",
                                "y",
                                AttributeProto.newBuilder()
                                        .setName("a")
                                        .setType(AttributeProto.AttributeType.SPARSE_TENSOR))));
        malformed(
                "node 'n' (Foo): attribute 'a' has no value",
                model(13, node("Foo", "x", "y", AttributeProto.newBuilder().setName("a"))));
    }
}
