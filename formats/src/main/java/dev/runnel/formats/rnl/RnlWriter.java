package dev.runnel.formats.rnl;

import dev.runnel.formats.file.AtomicFile;
import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.zip.CRC32C;

/// Writes graphs as `.rnl`: the same bytes for the same graph.
public final class RnlWriter {
    private static final int PIECE = 8 << 20;

    private RnlWriter() {}

    /// What a file of `graph` holds.
    public static AtomicFile.Content content(Graph graph) {
        TensorTable table = new TensorTable();
        byte[] header = header(graph, table);
        return channel -> {
            write(channel, preamble(header));
            write(channel, ByteBuffer.wrap(header));
            for (Tensor tensor : table.tensors()) {
                pad(channel);
                write(channel, tensor.data());
            }
        };
    }

    private static byte[] header(Graph graph, TensorTable table) {
        Rnl.Graph g = new GraphWriter(table).graph(graph, "");
        Rnl.Header header =
                Rnl.Header.newBuilder()
                        .setOpset(Graph.OPSET)
                        .setGraph(g)
                        .addAllTensors(table.entries())
                        .build();
        return header.toByteArray();
    }

    private static ByteBuffer preamble(byte[] header) {
        ByteBuffer preamble = ByteBuffer.allocate(Layout.PREAMBLE).order(ByteOrder.LITTLE_ENDIAN);
        preamble.put(Layout.MAGIC.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
        preamble.putShort((short) Layout.MAJOR).putShort((short) Layout.MINOR);
        preamble.putInt(header.length);
        CRC32C crc = new CRC32C();
        crc.update(preamble.array(), 0, preamble.position());
        crc.update(header);
        return preamble.putInt((int) crc.getValue()).flip();
    }

    private static void pad(FileChannel channel) throws IOException {
        long at = channel.position();
        write(channel, ByteBuffer.allocate((int) (Layout.aligned(at) - at)));
    }

    private static void write(FileChannel channel, MemorySegment data) throws IOException {
        for (long at = 0; at < data.byteSize(); at += PIECE) {
            write(channel, data.asSlice(at, Math.min(PIECE, data.byteSize() - at)).asByteBuffer());
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
