package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// Files of one tensor, in every encoding.
class TensorFileTest {
    @TempDir private Path folder = Path.of("");

    private Path write(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("t"), bytes);
    }

    private Tensor read(TensorProto.Builder t) throws IOException {
        return TensorFile.read(write(t.build().toByteArray()));
    }

    private static byte[] bytes(Tensor t) {
        return t.data().toArray(ValueLayout.JAVA_BYTE);
    }

    // ---- TensorProto

    /// Of the two elements 1 and 0, or of 1.0 and -2.0.
    private static TensorProto.Builder typed(DType dtype) {
        TensorProto.Builder t =
                TensorProto.newBuilder().setName("t").setDataType(dtype.onnxCode()).addDims(2);
        return switch (dtype) {
            case FLOAT32 -> t.addFloatData(1).addFloatData(-2);
            case FLOAT64 -> t.addDoubleData(1).addDoubleData(-2);
            case FLOAT16 -> t.addInt32Data(0x3c00).addInt32Data(0xc000);
            case BFLOAT16 -> t.addInt32Data(0x3f80).addInt32Data(0xc000);
            case INT64 -> t.addInt64Data(1).addInt64Data(-2);
            case INT32, INT16, INT8 -> t.addInt32Data(1).addInt32Data(-2);
            case UINT64 -> t.addUint64Data(1).addUint64Data(-2);
            case UINT32 -> t.addUint64Data(1).addUint64Data(0xfffffffeL);
            case UINT16 -> t.addInt32Data(1).addInt32Data(0xfffe);
            case UINT8 -> t.addInt32Data(1).addInt32Data(0xfe);
            case BOOL -> t.addInt32Data(1).addInt32Data(0);
        };
    }

    private static byte[] raw(DType dtype) {
        ByteBuffer b = ByteBuffer.allocate(2 * dtype.byteSize()).order(ByteOrder.LITTLE_ENDIAN);
        switch (dtype) {
            case FLOAT32 -> b.putFloat(1).putFloat(-2);
            case FLOAT64 -> b.putDouble(1).putDouble(-2);
            case FLOAT16 -> b.putShort((short) 0x3c00).putShort((short) 0xc000);
            case BFLOAT16 -> b.putShort((short) 0x3f80).putShort((short) 0xc000);
            case INT64, UINT64 -> b.putLong(1).putLong(-2);
            case INT32, UINT32 -> b.putInt(1).putInt(-2);
            case INT16, UINT16 -> b.putShort((short) 1).putShort((short) -2);
            case INT8, UINT8 -> b.put((byte) 1).put((byte) -2);
            case BOOL -> b.put((byte) 1).put((byte) 0);
        }
        return b.array();
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void proto_ofTypedOrRawData_holdsTheSameBytes(DType dtype) throws IOException {
        TensorType type = new TensorType(dtype, Shape.of(2));
        Tensor typed = read(typed(dtype));
        assertThat(typed.type()).isEqualTo(type);
        assertThat(bytes(typed)).isEqualTo(raw(dtype));
        Tensor raw =
                read(
                        TensorProto.newBuilder()
                                .setDataType(dtype.onnxCode())
                                .addDims(2)
                                .setRawData(ByteString.copyFrom(raw(dtype))));
        assertThat(raw.type()).isEqualTo(type);
        assertThat(bytes(raw)).isEqualTo(raw(dtype));
    }

    @Test
    void proto_ofRawData_isASliceOfTheMappedFile() throws IOException {
        Tensor t = read(Onnx.tensor("w", 1, 2, 3));
        assertThat(t.data().isMapped()).isTrue();
        assertThat(t.data().isReadOnly()).isTrue();
        assertThat(t.toFloats()).containsExactly(1, 2, 3);
    }

    @Test
    void proto_ofScalarsAndNothing_isRead() throws IOException {
        assertThat(read(Onnx.tensor("w", 7).clearDims()).shape()).isEqualTo(Shape.SCALAR);
        Tensor empty = read(TensorProto.newBuilder().setDataType(1).addDims(3).addDims(0));
        assertThat(empty.shape()).isEqualTo(Shape.of(3, 0));
        assertThat(empty.data().byteSize()).isZero();
    }

    @Test
    void name_isTheProtos() throws IOException {
        assertThat(TensorFile.name(write(Onnx.tensor("w", 1).build().toByteArray())))
                .isEqualTo("w");
    }

    @Test
    void proto_truncated_isMalformed() throws IOException {
        byte[] whole = Onnx.tensor("w", 1, 2, 3).build().toByteArray();
        Path file = write(Arrays.copyOf(whole, whole.length - 2));
        assertThatThrownBy(() -> TensorFile.read(file))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "t: TensorProto has field 9 of 12 bytes, with 10 left at byte 8; the file"
                                + " is truncated or corrupt");
    }

    // ---- npy

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "BFLOAT16")
    void npy_written_isReadAlike(DType dtype) throws IOException {
        for (Shape shape : new Shape[] {Shape.of(2), Shape.of(1, 2), Shape.of(2, 1, 1)}) {
            Tensor t = new Tensor(new TensorType(dtype, shape), MemorySegment.ofArray(raw(dtype)));
            Path file = folder.resolve("t.npy");
            TensorFile.writeNpy(file, t);
            Tensor back = TensorFile.read(file);
            assertThat(back.type()).isEqualTo(t.type());
            assertThat(bytes(back)).isEqualTo(raw(dtype));
            assertThat(back.data().isMapped()).isTrue();
            assertThat(TensorFile.name(file)).isEmpty();
        }
    }

    @Test
    void npy_ofBfloat16_isWidened() throws IOException {
        Tensor t =
                new Tensor(
                        new TensorType(DType.BFLOAT16, Shape.of(2)),
                        MemorySegment.ofArray(raw(DType.BFLOAT16)));
        Path file = folder.resolve("t.npy");
        TensorFile.writeNpy(file, t);
        assertThat(TensorFile.read(file).type())
                .isEqualTo(new TensorType(DType.FLOAT32, Shape.of(2)));
        assertThat(TensorFile.read(file).toFloats()).containsExactly(1, -2);
    }

    @Test
    void npy_written_hasTheHeaderThatNumPyWrites() throws IOException {
        Path file = folder.resolve("t.npy");
        TensorFile.writeNpy(file, Tensor.ofFloats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6));
        byte[] b = Files.readAllBytes(file);
        assertThat(b).hasSize(128 + 24);
        assertThat(new String(b, 10, 118, StandardCharsets.ISO_8859_1).stripTrailing())
                .isEqualTo("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
        TensorFile.writeNpy(file, Tensor.ofFloats(Shape.SCALAR, 1));
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                .contains("'shape': (), }");
        TensorFile.writeNpy(file, Tensor.ofFloats(Shape.of(1), 1));
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                .contains("'shape': (1,), }");
    }

    /// A `.npy` file of this version, header and elements.
    private Path npy(int version, String header, byte[] data) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("\u0093NUMPY".getBytes(StandardCharsets.ISO_8859_1));
        out.write(version);
        out.write(0);
        byte[] h = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer length =
                ByteBuffer.allocate(version == 1 ? 2 : 4).order(ByteOrder.LITTLE_ENDIAN);
        out.writeBytes(
                version == 1
                        ? length.putShort((short) h.length).array()
                        : length.putInt(h.length).array());
        out.writeBytes(h);
        out.writeBytes(data);
        return write(out.toByteArray());
    }

    @Test
    void npy_ofAnyVersion_isRead() throws IOException {
        for (int version = 1; version <= 3; version++) {
            Path file =
                    npy(
                            version,
                            "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n",
                            new byte[] {5, 6});
            assertThat(TensorFile.read(file).toLongs()).containsExactly(5, 6);
        }
    }

    @Test
    void npy_inFortranOrder_isTransposed() throws IOException {
        Path file =
                npy(
                        1,
                        "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }",
                        new byte[] {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11});
        assertThat(TensorFile.read(file).shape()).isEqualTo(Shape.of(2, 3, 2));
        assertThat(TensorFile.read(file).toLongs())
                .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    }

    @Test
    void npy_bigEndian_isSwapped() throws IOException {
        Path file =
                npy(
                        1,
                        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }",
                        ByteBuffer.allocate(8).putFloat(1.5f).putFloat(-3).array());
        assertThat(TensorFile.read(file).toFloats()).containsExactly(1.5f, -3);
    }

    private void malformed(String message, String header, byte[] data) throws IOException {
        Path file = npy(1, header, data);
        assertThatThrownBy(() -> TensorFile.read(file))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("t: the array" + message);
    }

    @Test
    void npy_thatContradictsItself_isMalformed() throws IOException {
        malformed(
                " has 7 bytes of elements, expected 8 for float32[2]",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
                new byte[7]);
        malformed(
                " has shape (4294967296, 4294967296), which is too large or no shape",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
                new byte[7]);
        malformed(
                "'s header has no shape that can be read: {'descr': '<f4', 'fortran_order': False}",
                "{'descr': '<f4', 'fortran_order': False}",
                new byte[0]);
        Path cut = write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 99, 0, 0, 0});
        assertThatThrownBy(() -> TensorFile.read(cut))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("t: the array's header is cut off");
    }

    @Test
    void npy_ofATypeWeDoNotHave_isUnsupported() throws IOException {
        Path file =
                npy(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", new byte[8]);
        assertThatThrownBy(() -> TensorFile.read(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("t: the array has elements of type '<c8', which Runnel does not have");
    }

    @Test
    void emptyFile_isToldSo() throws IOException {
        Path file = Files.createFile(folder.resolve("output_0.npy"));
        assertThatThrownBy(() -> TensorFile.read(file))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "output_0.npy: the file is empty, expected .npy or an ONNX tensor (.pb)");
    }
}
