package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class ModelBytesTest {
    private static byte[] model(TensorProto.Builder weight) {
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .setGraph(GraphProto.newBuilder().setName("g").addInitializer(weight.setName("w")))
                .build()
                .toByteArray();
    }

    @Test
    void read_modelInMemory_givesItsGraph() {
        byte[] bytes =
                model(
                        TensorProto.newBuilder()
                                .setDataType(1)
                                .addDims(2)
                                .addFloatData(1)
                                .addFloatData(2));
        Graph graph = Models.read("small.onnx", MemorySegment.ofArray(bytes));
        assertThat(graph.initializers()).containsOnlyKeys("w");
    }

    @Test
    void read_modelInMemoryOfAnyArray_givesItsGraph(@TempDir Path folder) throws IOException {
        byte[] onnx = model(TensorProto.newBuilder().setDataType(1).addDims(1).addFloatData(1));
        Path file = folder.resolve("small.rnl");
        Models.write(Models.read("small.onnx", MemorySegment.ofArray(onnx)), file);
        for (byte[] bytes : List.of(onnx, Files.readAllBytes(file))) {
            MemorySegment ints = MemorySegment.ofArray(new int[bytes.length / 4 + 1]);
            MemorySegment same = ints.asSlice(0, bytes.length);
            same.copyFrom(MemorySegment.ofArray(bytes));
            assertThat(Models.read("small", same).initializers()).containsOnlyKeys("w");
            assertThat(Models.read("small", same.asReadOnly()).initializers())
                    .containsOnlyKeys("w");
        }
    }

    @Test
    void read_dataInOtherFiles_isRefused() {
        byte[] bytes =
                model(
                        TensorProto.newBuilder()
                                .setDataType(1)
                                .addDims(2)
                                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                                .addExternalData(
                                        StringStringEntryProto.newBuilder()
                                                .setKey("location")
                                                .setValue("w.bin")));
        assertThatThrownBy(() -> Models.read("small.onnx", MemorySegment.ofArray(bytes)))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessageStartingWith("small.onnx: ")
                .hasMessageEndingWith(
                        "has its data in 'w.bin', and the model, read from memory, has no folder;"
                                + " read it from its file");
    }

    @Test
    void read_noModelInMemory_isRefusedByName() {
        byte[] bytes = "version https://git-lfs.github.com".getBytes(StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> Models.read("small.onnx", MemorySegment.ofArray(bytes)))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "small.onnx: the file is a Git LFS pointer, not the model itself, expected"
                                + " a model (.rnl, ONNX, Keras)");
    }
}
