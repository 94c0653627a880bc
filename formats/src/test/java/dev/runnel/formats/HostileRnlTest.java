package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.Graph;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32C;

/// `.rnl` files that are wrong, and the words in which they are refused.
class HostileRnlTest {
    private static final byte[] MAGIC = {(byte) 0x89, 'R', 'N', 'L', '\r', '\n', 0x1a, '\n'};
    private static final byte[] DATA = {1, 0, 1, 0, 5, 6, 7, 8};

    /// A file of these parts with a right checksum, put together by the page, not by the writer.
    private static byte[] file(int major, int minor, byte[] header, byte[] data) {
        int base = (20 + header.length + 63) / 64 * 64;
        ByteBuffer b = ByteBuffer.allocate(base + data.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put(MAGIC).putShort((short) major).putShort((short) minor).putInt(header.length);
        CRC32C crc = new CRC32C();
        crc.update(b.array(), 0, 16);
        crc.update(header);
        b.putInt((int) crc.getValue()).put(header).position(base).put(data);
        return b.array();
    }

    private static byte[] file(Rnl.Header.Builder header) {
        return file(1, 0, header.build().toByteArray(), DATA);
    }

    private static Rnl.Header.Builder header() {
        return Rnl.Header.newBuilder().setOpset(22);
    }

    /// The entry of `DATA[from ..]` as `count` elements.
    private static Rnl.Tensor.Builder entry(int type, int from, int length, long... dims) {
        CRC32C crc = new CRC32C();
        crc.update(DATA, from, length);
        Rnl.Tensor.Builder t =
                Rnl.Tensor.newBuilder()
                        .setName("w")
                        .setElementType(type)
                        .setOffset(from)
                        .setLength(length)
                        .setCrc32C((int) crc.getValue());
        Arrays.stream(dims).forEach(t::addDims);
        return t;
    }

    private static Graph read(byte[] bytes) {
        return Models.read("m.rnl", MemorySegment.ofArray(bytes));
    }

    private static void refused(
            Class<? extends RuntimeException> type, String message, byte[] bytes) {
        assertThatThrownBy(() -> read(bytes)).isInstanceOf(type).hasMessage("m.rnl: " + message);
    }

    private static void malformed(String message, byte[] bytes) {
        refused(MalformedModelException.class, message, bytes);
    }

    private static void malformed(String message, Rnl.Header.Builder header) {
        malformed(message, file(header));
    }

    private static void unsupported(String message, byte[] bytes) {
        refused(UnsupportedModelException.class, message, bytes);
    }

    @Test
    void rightFile_isRead() {
        Rnl.Header.Builder h = header().addTensors(entry(9, 0, 4, 2, 2));
        h.getGraphBuilder().addInitializers(Rnl.Initializer.newBuilder().setName("w"));
        assertThat(read(file(h)).initializers().get("w").toLongs()).containsExactly(1, 0, 1, 0);
    }

    @Test
    void headerBeyondAllArrays_isRefused(@TempDir Path folder) throws IOException {
        Path large = folder.resolve("large.rnl");
        byte[] start = file(header());
        ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).putInt(12, (int) 2_500_000_000L);
        try (RandomAccessFile out = new RandomAccessFile(large.toFile(), "rw")) {
            out.write(start);
            out.setLength(3_000_000_000L); // which takes no room on the disk
        }
        assertThatThrownBy(() -> Models.read(large))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage(
                        "large.rnl: the header has 2500000000 bytes, expected at most 2147483639");
    }

    @Test
    void laterMinorVersion_isRead() {
        UnknownFieldSet later =
                UnknownFieldSet.newBuilder()
                        .addField(
                                77,
                                UnknownFieldSet.Field.newBuilder()
                                        .addLengthDelimited(ByteString.copyFromUtf8("news"))
                                        .build())
                        .build();
        Rnl.Header.Builder h = header().setUnknownFields(later).addTensors(entry(3, 0, 4, 4));
        h.getGraphBuilder().setUnknownFields(later);
        h.getTensorsBuilder(0).setUnknownFields(later);
        Graph graph = read(file(1, 7, h.build().toByteArray(), DATA));
        assertThat(graph.metadata()).containsEntry("format", "Runnel 1.7");
    }

    @Test
    void laterMajorVersion_isRefused() {
        unsupported(
                "the file is of .rnl version 2.3, this Runnel reads 1.x; use a newer Runnel, or"
                        + " have the file written by an older one",
                file(2, 3, new byte[] {1, 2, 3}, DATA));
        malformed("the file is of .rnl version 0, expected 1", file(0, 1, new byte[0], DATA));
    }

    @Test
    void truncatedAnywhere_isRefused() {
        byte[] whole = file(header().addTensors(entry(3, 0, 8, 8)));
        malformed(
                "the file ends after 19 bytes, expected at least 20; it is truncated",
                Arrays.copyOf(whole, 19));
        malformed(
                "the header has 19 bytes, with 10 left; the file is truncated or corrupt",
                Arrays.copyOf(whole, 30));
        malformed(
                "tensor 0 'w' begins at 0 and has 8 bytes, but the file has 7 for tensors; it is"
                        + " truncated",
                Arrays.copyOf(whole, whole.length - 1));
        malformed(
                "tensor 0 'w' begins at 0 and has 8 bytes, but the file has 0 for tensors; it is"
                        + " truncated",
                Arrays.copyOf(whole, 50));
        for (int n = 8; n < whole.length; n++) {
            byte[] part = Arrays.copyOf(whole, n);
            assertThatThrownBy(() -> read(part)).isInstanceOf(MalformedModelException.class);
        }
    }

    @Test
    void everyBitFlipped_isNoticed() {
        byte[] whole = file(header().addTensors(entry(3, 0, 8, 8)));
        int header = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getInt(12);
        for (int bit = 64; bit < 8 * whole.length; bit++) {
            if (bit / 8 >= 20 + header && bit / 8 < whole.length - DATA.length) {
                continue; // padding
            }
            byte[] wrong = whole.clone();
            wrong[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> read(wrong))
                    .isInstanceOfAny(
                            MalformedModelException.class, UnsupportedModelException.class);
        }
    }

    @Test
    void wrongChecksums_areRefused() {
        byte[] bytes = file(header().addTensors(entry(3, 0, 8, 8)));
        bytes[bytes.length - 1] ^= 1;
        malformed(
                "tensor 0 'w' has the checksum 5f2ddb61, expected ad465862; the file is corrupt",
                bytes);
        bytes[21] ^= 1;
        malformed(
                "the header has the checksum fb95e15a, expected f4fce371; the file is corrupt",
                bytes);
    }

    @Test
    void headerThatIsNoMessage_isRefused() {
        malformed(
                "Header has field 2 of 127 bytes, with 0 left at byte 20; the file is truncated or"
                        + " corrupt",
                file(1, 0, new byte[] {0x12, 0x7f}, DATA));
        Rnl.Graph.Builder nested = Rnl.Graph.newBuilder();
        for (int i = 0; i < 60; i++) { // graph of node of attribute of graph
            Rnl.Attribute.Builder branch =
                    Rnl.Attribute.newBuilder().setName("then_branch").setGraph(nested);
            Rnl.Node.Builder node =
                    Rnl.Node.newBuilder().setName("n").setOp("If").addAttributes(branch);
            nested = Rnl.Graph.newBuilder().addNodes(node);
        }
        byte[] deep = file(graph(nested));
        assertThatThrownBy(() -> read(deep))
                .isInstanceOf(MalformedModelException.class)
                .hasMessageMatching(
                        "m.rnl: \\w+ is nested more than 128 messages deep at byte \\d+");
    }

    @Test
    void otherOperatorSet_isRefused() {
        unsupported(
                "the graph is of operator set 23, this Runnel reads 22 from .rnl files",
                file(header().setOpset(23)));
    }

    @Test
    void lyingTable_isRefused() {
        malformed(
                "tensor 0 'w' has 8 bytes, expected 32 for float32[2, 4]",
                header().addTensors(entry(1, 0, 8, 2, 4)));
        malformed(
                "tensor 0 'w' begins at 4, expected a multiple of 64",
                header().addTensors(entry(3, 4, 4, 4)));
        malformed(
                "tensor 1 'w' begins at 0, where the tensor before it ends at 4",
                header().addTensors(entry(3, 0, 4, 4)).addTensors(entry(3, 0, 4, 4)));
        malformed(
                "tensor 0 'w' begins at 64 and has 4 bytes, but the file has 8 for tensors; it is"
                        + " truncated",
                header().addTensors(entry(3, 0, 4, 4).setOffset(64)));
        malformed(
                "tensor 0 'w' begins at 9223372036854775808, beyond 2^63",
                header().addTensors(entry(3, 0, 4, 4).setOffset(Long.MIN_VALUE)));
        malformed(
                "tensor 0 'w' begins at 9223372036854775744 and has 4 bytes, but the file has 8"
                        + " for tensors; it is truncated",
                header().addTensors(entry(3, 0, 4, 4).setOffset(Long.MAX_VALUE - 63)));
        malformed(
                "tensor 0 'w': shape [-1] has a negative dimension",
                header().addTensors(entry(3, 0, 4, -1)));
        malformed(
                "tensor 0 'w': shape [4294967296, 4294967296] has more than 2^63 - 1 elements",
                header().addTensors(entry(3, 0, 4, 1L << 32, 1L << 32)));
        malformed(
                "tensor 0 'w' has 18446744073709551615 bytes, expected 4 for int8[4]",
                header().addTensors(entry(3, 0, 4, 4).setLength(-1)));
        malformed(
                "tensor 0 'w' has 5 as element 4, expected 0 or 1 for bool",
                header().addTensors(entry(9, 0, 8, 8)));
        unsupported(
                "tensor 0 'w' has elements of type number 8, which Runnel does not have",
                file(header().addTensors(entry(8, 0, 4, 4))));
    }

    @Test
    void graphThatContradictsItself_isRefused() {
        Rnl.Initializer.Builder w = Rnl.Initializer.newBuilder().setName("w").setTensor(1);
        malformed(
                "initializer 'w' is tensor 1, but the table has 1",
                graph(Rnl.Graph.newBuilder().addInitializers(w)));
        malformed(
                "initializer 'w' is tensor 4294967295, but the table has 1",
                graph(Rnl.Graph.newBuilder().addInitializers(w.clone().setTensor(-1))));
        w.setTensor(0);
        malformed(
                "initializer 'w' is there twice",
                graph(Rnl.Graph.newBuilder().addInitializers(w).addInitializers(w)));
        malformed(
                "an initializer has no name",
                graph(Rnl.Graph.newBuilder().addInitializers(w.clone().clearName())));
        Rnl.Entry.Builder entry = Rnl.Entry.newBuilder().setKey("author").setValue("nobody");
        malformed(
                "metadata 'author' is there twice",
                graph(Rnl.Graph.newBuilder().addMetadata(entry).addMetadata(entry)));
        Rnl.Value.Builder x = Rnl.Value.newBuilder().setName("x").setElementType(1);
        malformed(
                "input 'x' is there twice",
                graph(Rnl.Graph.newBuilder().addInputs(x).addInputs(x)));
        malformed(
                "an output has no name",
                graph(Rnl.Graph.newBuilder().addOutputs(x.clone().clearName())));
        unsupported(
                "input 'x' has elements of type number 0, which Runnel does not have",
                file(graph(Rnl.Graph.newBuilder().addInputs(x.clone().clearElementType()))));
        x.getShapeBuilder().addDimsBuilder().setSize(-2);
        malformed(
                "input 'x' has dimension 18446744073709551614",
                graph(Rnl.Graph.newBuilder().addInputs(x)));
    }

    @Test
    void nodeThatContradictsItself_isRefused() {
        Rnl.Node.Builder n = Rnl.Node.newBuilder().setName("n").setOp("Add");
        malformed(
                "node 0 has no name and the operator 'Add', expected both",
                graph(Rnl.Graph.newBuilder().addNodes(n.clone().clearName())));
        malformed(
                "node 0 has the name 'n' and the operator '', expected both",
                graph(Rnl.Graph.newBuilder().addNodes(n.clone().clearOp())));
        Rnl.Attribute.Builder a = Rnl.Attribute.newBuilder().setName("a").setTensor(5);
        malformed(
                "node 'n': attribute 'a' is tensor 5, but the table has 1",
                graph(Rnl.Graph.newBuilder().addNodes(n.clone().addAttributes(a))));
        a.setInteger(1);
        malformed(
                "node 'n': attribute 'a' is there twice",
                graph(
                        Rnl.Graph.newBuilder()
                                .addNodes(n.clone().addAttributes(a).addAttributes(a))));
        unsupported(
                "node 'n': attribute 'a' has no value of a kind that Runnel knows",
                file(
                        graph(
                                Rnl.Graph.newBuilder()
                                        .addNodes(n.clone().addAttributes(a.clearValue())))));
    }

    private static Rnl.Header.Builder graph(Rnl.Graph.Builder graph) {
        return header().setGraph(graph).addTensors(entry(3, 0, 4, 4));
    }

    @Test
    void randomHeaders_endInAGraphOrAComplaint() {
        Rnl.Header.Builder h = header().addTensors(entry(9, 0, 4, 4));
        h.getGraphBuilder()
                .addInputs(Rnl.Value.newBuilder().setName("x").setElementType(1))
                .addInitializers(Rnl.Initializer.newBuilder().setName("w"))
                .addNodes(
                        Rnl.Node.newBuilder()
                                .setName("n")
                                .setOp("If")
                                .addAttributes(
                                        Rnl.Attribute.newBuilder()
                                                .setName("g")
                                                .setGraph(Rnl.Graph.newBuilder())));
        byte[] whole = h.build().toByteArray();
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] wrong = whole.clone();
            for (int k = random.nextInt(3); k >= 0; k--) {
                wrong[random.nextInt(wrong.length)] = (byte) random.nextInt();
            }
            try {
                read(file(1, 0, wrong, DATA));
            } catch (MalformedModelException | UnsupportedModelException e) {
                assertThat(e).hasMessageStartingWith("m.rnl: ");
            }
        }
    }

    @Test
    void fileOnDisk_isReadToo() throws IOException {
        byte[] bytes = file(header().addTensors(entry(3, 0, 4, 4)));
        var path = java.nio.file.Files.createTempFile("m", ".bin");
        try {
            java.nio.file.Files.write(path, bytes);
            assertThat(Models.read(path).metadata()).containsEntry("format", "Runnel 1.0");
        } finally {
            java.nio.file.Files.delete(path);
        }
    }
}
