package dev.runnel.formats;

import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.StringStringEntryProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;

/// Tensors whose elements lie in other files, and the files they may not lie in.
class ExternalDataTest {
    @TempDir private Path root = Path.of("");

    private Path folder = Path.of("");

    @BeforeEach
    void writeData() throws IOException {
        folder = Files.createDirectories(root.resolve("model/sub")).resolve("..").normalize();
        ByteBuffer four = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        four.putFloat(1).putFloat(2).putFloat(3).putFloat(4);
        Files.write(folder.resolve("w.bin"), four.array());
        Files.write(folder.resolve("sub/w.bin"), four.array());
        Files.write(root.resolve("secret"), four.array());
    }

    /// Reads a model whose tensor `w`, two floats, has these keys and values as its external data.
    private Tensor read(String... entries) throws IOException {
        TensorProto.Builder t =
                tensor("w", 0, 0).clearRawData().setDataLocation(TensorProto.DataLocation.EXTERNAL);
        for (int i = 0; i < entries.length; i += 2) {
            t.addExternalData(
                    StringStringEntryProto.newBuilder()
                            .setKey(entries[i])
                            .setValue(entries[i + 1]));
        }
        ModelProto.Builder m = model(13, node("Add", "x w", "y"));
        m.getGraphBuilder().addInitializer(t);
        Path file = folder.resolve("m.onnx");
        Files.write(file, m.build().toByteArray());
        return Objects.requireNonNull(Models.read(file).initializers().get("w"));
    }

    private void refused(String message, String... entries) {
        assertThatThrownBy(() -> read(entries))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("m.onnx: tensor 'w' has " + message);
    }

    @Test
    void data_besideTheModel_isMapped() throws IOException {
        Tensor w = read("location", "w.bin", "offset", "8", "length", "8");
        assertThat(w.toFloats()).containsExactly(3, 4);
        assertThat(w.data().isMapped()).isTrue();
        assertThat(read("location", "w.bin").toFloats()).containsExactly(1, 2);
        assertThat(read("location", "./sub/w.bin", "offset", "4").toFloats()).containsExactly(2, 3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../secret",
                "sub/../../secret",
                "sub/../w.bin",
                "/etc/passwd",
                "..",
                "..\\secret",
                "C:\\secret",
                "\\\\host\\secret",
                "a\0b"
            })
    void location_thatMayLeaveTheFolder_isRefused(String location) {
        refused(
                "its data in '"
                        + location
                        + "', expected a relative path inside the model's folder",
                "location",
                location);
    }

    @Test
    void location_absoluteButInside_isRefused() {
        String location = folder.resolve("w.bin").toAbsolutePath().toString();
        refused(
                "its data in '"
                        + location
                        + "', expected a relative path inside the model's folder",
                "location",
                location);
    }

    @Test
    void link_outOfTheFolder_isRefused() throws IOException {
        Files.createSymbolicLink(folder.resolve("link.bin"), root.resolve("secret"));
        Files.createSymbolicLink(folder.resolve("linked"), root);
        refused(
                "its data in 'link.bin', a link that leads out of the model's folder",
                "location",
                "link.bin");
        refused(
                "its data in 'linked/secret', a link that leads out of the model's folder",
                "location",
                "linked/secret");
    }

    @Test
    void link_withinTheFolder_isFollowed() throws IOException {
        Files.createSymbolicLink(folder.resolve("link.bin"), Path.of("sub/w.bin"));
        assertThat(read("location", "link.bin").toFloats()).containsExactly(1, 2);
    }

    @Test
    void model_reachedByALink_findsItsData() throws IOException {
        read("location", "w.bin");
        Path link = Files.createSymbolicLink(root.resolve("linked"), folder);
        assertThat(Models.read(link.resolve("m.onnx")).initializers()).containsKey("w");
    }

    @Test
    void range_pastTheEnd_isRefused() {
        refused(
                "bytes 12 to 12 + 8 of 'w.bin', which has only 16",
                "location",
                "w.bin",
                "offset",
                "12");
        refused(
                "bytes 9223372036854775807 to 9223372036854775807 + 8 of 'w.bin', which has only"
                        + " 16",
                "location",
                "w.bin",
                "offset",
                "9223372036854775807");
    }

    @Test
    void length_thatIsNotTheTensors_isRefused() {
        refused(
                "12 bytes in 'w.bin', expected 8 for float32[2]",
                "location",
                "w.bin",
                "length",
                "12");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "", "1e3", "99999999999999999999"})
    void offset_thatIsNoNumberOfBytes_isRefused(String offset) {
        refused(
                "offset '" + offset + "' in its external_data, expected a number of bytes",
                "location",
                "w.bin",
                "offset",
                offset);
    }

    @Test
    void location_missing_isRefused() {
        refused("external data without a location");
    }

    @Test
    void location_thatIsAFolder_isRefused() {
        refused("its data in 'sub', which is not a regular file", "location", "sub");
    }

    @Test
    void file_missing_isAnIoException() {
        assertThatThrownBy(() -> read("location", "none.bin"))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessage(
                        folder.toAbsolutePath().resolve("none.bin")
                                + ": holds the data of tensor 'w' of m.onnx");
    }
}
