package dev.runnel.tools;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes safetensors of float32.
final class Safetensors {
    private Safetensors() {}

    static Path write(Path file, Map<String, Tensor> tensors) throws IOException {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        tensors.forEach((name, t) -> shapes.put(name, t.shape()));
        ByteBuffer header = header(shapes);
        try (FileChannel out =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            out.write(header);
            for (Tensor t : tensors.values()) {
                out.write(ByteBuffer.wrap(t.data().toArray(ValueLayout.JAVA_BYTE)));
            }
        }
        return file;
    }

    /// A file whose elements were never written: they read as zero and take no room on the disk.
    static Path writeSparse(Path file, Map<String, Shape> shapes) throws IOException {
        ByteBuffer header = header(shapes);
        long bytes = 0;
        for (Shape shape : shapes.values()) {
            bytes += 4 * shape.elements();
        }
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(header.remaining() + bytes);
            out.write(header.array());
        }
        return file;
    }

    private static ByteBuffer header(Map<String, Shape> shapes) {
        StringBuilder json = new StringBuilder("{");
        long at = 0;
        for (Map.Entry<String, Shape> e : shapes.entrySet()) {
            long end = at + e.getValue().elements() * DType.FLOAT32.byteSize();
            json.append(json.length() == 1 ? "" : ",");
            json.append("\"" + e.getKey() + "\":{\"dtype\":\"F32\",\"shape\":" + e.getValue());
            json.append(",\"data_offsets\":[" + at + "," + end + "]}");
            at = end;
        }
        byte[] bytes = json.append("}").toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + bytes.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(bytes.length)
                .put(bytes)
                .flip();
    }
}
