package dev.runnel.formats.rnl;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/// Reads `.rnl`. The tensors are slices of the mapped file, whose bytes are read once, for their
/// checksums.
public final class RnlReader {
    /// The key of the metadata that says what file a graph came from.
    static final String FORMAT = "format";

    /// As the reader of ONNX; three messages for each graph within a graph.
    private static final int MAX_DEPTH = 128;

    /// What a protobuf message has at most, and an array of the JVM holds.
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
        Rnl.Header header = header(file, length);
        if (header.getOpset() != Graph.OPSET) {
            throw file.unsupported(
                    "the graph is of operator set "
                            + Integer.toUnsignedLong(header.getOpset())
                            + ", this Runnel reads "
                            + Graph.OPSET
                            + " from .rnl files");
        }
        List<Tensor> tensors = tensors(file, header, Layout.aligned(Layout.PREAMBLE + length));
        String format = "Runnel " + major + "." + minor;
        return new GraphReader(file, tensors).model(header.getGraph(), format);
    }

    private static Rnl.Header header(MappedFile file, long length) {
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
        try {
            CodedInputStream in =
                    CodedInputStream.newInstance(bytes.toArray(ValueLayout.JAVA_BYTE));
            in.setRecursionLimit(MAX_DEPTH);
            return Rnl.Header.parser().parseFrom(in);
        } catch (InvalidProtocolBufferException e) {
            throw new MalformedModelException(
                    file.name() + ": the header is no protobuf message: " + e.getMessage(), e);
        }
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

    private static List<Tensor> tensors(MappedFile file, Rnl.Header header, long base) {
        List<Tensor> tensors = new ArrayList<>(header.getTensorsCount());
        long end = 0;
        for (Rnl.Tensor entry : header.getTensorsList()) {
            String what = "tensor " + tensors.size() + " '" + entry.getName() + "'";
            TensorType type = type(file, entry, what);
            end = end(file, entry, type, what, end, file.size() - base);
            Tensor tensor =
                    new Tensor(
                            type,
                            entry.getLength() == 0
                                    ? MemorySegment.NULL
                                    : file.bytes()
                                            .asSlice(base + entry.getOffset(), entry.getLength()));
            check(file, what, tensor.checksum(), entry.getCrc32C());
            Elements.checkBools(file, what, type.dtype(), tensor.data());
            tensors.add(tensor);
        }
        return tensors;
    }

    private static TensorType type(MappedFile file, Rnl.Tensor entry, String what) {
        DType dtype = dtype(file, entry.getElementType(), what);
        long[] dims = new long[entry.getDimsCount()];
        for (int i = 0; i < dims.length; i++) {
            dims[i] = entry.getDims(i);
        }
        try {
            TensorType type = new TensorType(dtype, Shape.of(dims));
            if (type.byteSize() != entry.getLength()) {
                throw file.malformed(
                        what
                                + " has "
                                + Long.toUnsignedString(entry.getLength())
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

    static DType dtype(MappedFile file, int code, String what) {
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
            MappedFile file,
            Rnl.Tensor entry,
            TensorType type,
            String what,
            long before,
            long room) {
        long offset = entry.getOffset();
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
        if (entry.getLength() > 0 && entry.getLength() > room - offset) {
            throw file.malformed(
                    place
                            + " and has "
                            + type.byteSize()
                            + " bytes, but the file has "
                            + Math.max(0, room)
                            + " for tensors; it is truncated");
        }
        return entry.getLength() > 0 ? offset + entry.getLength() : before;
    }
}
