package dev.runnel.formats.rnl;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/// Reads `.rnl`. The tensors are slices of the mapped file, whose bytes are read once, for their
/// checksums.
public final class RnlReader {
    /// The key of the metadata that says what file a graph came from.
    static final String FORMAT = "format";

    /// What a protobuf message has at most, and a ByteBuffer holds.
    private static final int LONGEST_HEADER = Integer.MAX_VALUE - 8;

    private RnlReader() {}

    /// The model in `file`, which begins as such a file does.
    ///
    /// @throws MalformedModelException if it is truncated, corrupt, or contradicts itself
    /// @throws dev.runnel.UnsupportedModelException if it is of a later version
    public static Graph read(MappedFile file) {
        if (file.size() < Layout.PREAMBLE) {
            throw file.malformed(
                    "the file ends after "
                            + file.size()
                            + " bytes, expected at least "
                            + Layout.PREAMBLE
                            + "; it is truncated");
        }
        int version = file.littleEndianInt(8);
        int major = version & 0xffff;
        int minor = version >>> 16;
        if (major > Layout.MAJOR) {
            throw file.unsupported(
                    "the file is of .rnl version "
                            + major
                            + "."
                            + minor
                            + ", this Runnel reads "
                            + Layout.MAJOR
                            + ".x; use a newer Runnel, or have the file written by an older one");
        }
        if (major < 1) {
            throw file.malformed("the file is of .rnl version 0, expected " + Layout.MAJOR);
        }
        long length = Integer.toUnsignedLong(file.littleEndianInt(12));
        Message header = header(file, length);
        int opset = (int) header.number(Rnl.Header.OPSET_FIELD_NUMBER);
        if (opset != Graph.OPSET) {
            throw file.unsupported(
                    "the graph is of operator set "
                            + Integer.toUnsignedLong(opset)
                            + ", this Runnel reads "
                            + Graph.OPSET
                            + " from .rnl files");
        }
        List<Tensor> tensors = tensors(file, header, Layout.aligned(Layout.PREAMBLE + length));
        String format = "Runnel " + major + "." + minor;
        Message graph = header.message(Rnl.Header.GRAPH_FIELD_NUMBER, "Graph");
        return new GraphReader(file, tensors).model(graph, format);
    }

    private static Message header(MappedFile file, long length) {
        long left = file.size() - Layout.PREAMBLE;
        if (length > left) {
            throw file.malformed(
                    "the header has "
                            + length
                            + " bytes, with "
                            + left
                            + " left; the file is truncated or corrupt");
        }
        if (length > LONGEST_HEADER) {
            throw file.malformed(
                    "the header has " + length + " bytes, expected at most " + LONGEST_HEADER);
        }
        MemorySegment bytes = file.bytes().asSlice(Layout.PREAMBLE, length);
        CRC32C crc = new CRC32C();
        crc.update(file.bytes().asSlice(0, Layout.PREAMBLE - 4).asByteBuffer());
        crc.update(bytes.asByteBuffer());
        check(file, "the header", crc.getValue(), file.littleEndianInt(Layout.PREAMBLE - 4));
        return Message.of(file, "Header", Layout.PREAMBLE, length);
    }

    private static void check(MappedFile file, String what, long got, int expected) {
        if ((int) got != expected) {
            throw file.malformed(
                    what
                            + " has the checksum "
                            + hex((int) got)
                            + ", expected "
                            + hex(expected)
                            + "; the file is corrupt");
        }
    }

    private static String hex(int crc) {
        return String.format("%08x", crc);
    }

    private static List<Tensor> tensors(MappedFile file, Message header, long base) {
        List<Tensor> tensors = new ArrayList<>();
        long end = 0;
        for (Message entry : header.messages(Rnl.Header.TENSORS_FIELD_NUMBER, "Tensor")) {
            String name = entry.text(Rnl.Tensor.NAME_FIELD_NUMBER);
            String what = "tensor " + tensors.size() + " '" + name + "'";
            long offset = entry.number(Rnl.Tensor.OFFSET_FIELD_NUMBER);
            long length = entry.number(Rnl.Tensor.LENGTH_FIELD_NUMBER);
            TensorType type = type(file, entry, length, what);
            end = end(file, offset, length, what, end, file.size() - base);
            Tensor tensor =
                    new Tensor(
                            type,
                            length == 0
                                    ? MemorySegment.NULL
                                    : file.bytes().asSlice(base + offset, length));
            check(file, what, tensor.checksum(), entry.fixed32(Rnl.Tensor.CRC32C_FIELD_NUMBER));
            Elements.checkBools(file, what, type.dtype(), tensor.data());
            tensors.add(tensor);
        }
        return tensors;
    }

    private static TensorType type(MappedFile file, Message entry, long length, String what) {
        DType dtype = dtype(file, entry.number(Rnl.Tensor.ELEMENT_TYPE_FIELD_NUMBER), what);
        long[] dims = entry.numbers(Rnl.Tensor.DIMS_FIELD_NUMBER);
        try {
            TensorType type = new TensorType(dtype, Shape.of(dims));
            if (type.byteSize() != length) {
                throw file.malformed(
                        what
                                + " has "
                                + Long.toUnsignedString(length)
                                + " bytes, expected "
                                + type.byteSize()
                                + " for "
                                + type);
            }
            return type;
        } catch (IllegalArgumentException e) {
            throw file.malformed(what + ": " + e.getMessage());
        }
    }

    static DType dtype(MappedFile file, long number, String what) {
        int code = (int) number; // as any parser reads a uint32
        DType dtype = DType.ofOnnxCode(code);
        if (dtype == null) {
            throw file.unsupported(
                    what
                            + " has elements of type number "
                            + Integer.toUnsignedLong(code)
                            + ", which Runnel does not have");
        }
        return dtype;
    }

    /// Where the entry's bytes end, if they lie behind those before it and within the `room` that
    /// the file has for them.
    private static long end(
            MappedFile file, long offset, long length, String what, long before, long room) {
        String place = what + " begins at " + Long.toUnsignedString(offset);
        if (offset != Layout.aligned(offset)) {
            throw file.malformed(place + ", expected a multiple of 64");
        }
        if (offset < before) {
            throw file.malformed(
                    place
                            + (offset < 0
                                    ? ", beyond 2^63"
                                    : ", where the tensor before it ends at " + before));
        }
        if (length > 0 && length > room - offset) {
            throw file.malformed(
                    place
                            + " and has "
                            + length
                            + " bytes, but the file has "
                            + Math.max(0, room)
                            + " for tensors; it is truncated");
        }
        return length > 0 ? offset + length : before;
    }
}
