package dev.runnel.formats.npy;

import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// NumPy's `.npy`: a magic number, a version, a Python dictionary as text, and the elements.
/// Source: the format's versions 1.0 to 3.0 (NEP 1 and its amendments).
public final class Npy {
    private static final String MAGIC = "\u0093NUMPY";
    private static final int ALIGNMENT = 64;

    private static final Map<String, DType> TYPES =
            Map.ofEntries(
                    Map.entry("f4", DType.FLOAT32),
                    Map.entry("f8", DType.FLOAT64),
                    Map.entry("f2", DType.FLOAT16),
                    Map.entry("i8", DType.INT64),
                    Map.entry("i4", DType.INT32),
                    Map.entry("i2", DType.INT16),
                    Map.entry("i1", DType.INT8),
                    Map.entry("u8", DType.UINT64),
                    Map.entry("u4", DType.UINT32),
                    Map.entry("u2", DType.UINT16),
                    Map.entry("u1", DType.UINT8),
                    Map.entry("b1", DType.BOOL));

    private static final Pattern DESCR = Pattern.compile("'descr'\\s*:\\s*'([<>=|]?)([^']*)'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([0-9L,\\s]*)\\)");

    private Npy() {}

    /// Whether `file` begins as a `.npy` file does.
    public static boolean isNpy(MappedFile file) {
        return file.has(0, MAGIC);
    }

    /// The array in `file`: a slice of it if its elements are in C order and little-endian, else a
    /// copy that is.
    ///
    /// @throws dev.runnel.MalformedModelException if the header cannot be read, or the elements'
    ///   bytes are not as many as it says
    /// @throws dev.runnel.UnsupportedModelException if the elements are of a type Runnel does not
    ///   have
    public static Tensor read(MappedFile file) {
        String header = header(file);
        Matcher descr = match(DESCR, header, file);
        boolean fortran = match(ORDER, header, file).group(1).equals("True");
        DType dtype = TYPES.get(descr.group(2));
        if (descr.group(2).startsWith("O")) {
            throw file.unsupported(
                    "the array has Python objects for elements, a pickle that is not run; save"
                            + " arrays of numbers");
        }
        if (dtype == null) {
            throw file.unsupported(
                    "the array has elements of type '"
                            + descr.group(1)
                            + descr.group(2)
                            + "', which Runnel does not have");
        }
        TensorType type = type(dtype, match(SHAPE, header, file).group(1), file);
        long start = file.size() - type.byteSize();
        long headerEnd = headerEnd(file);
        if (start != headerEnd) {
            throw file.malformed(
                    "the array has "
                            + (file.size() - headerEnd)
                            + " bytes of elements, expected "
                            + type.byteSize()
                            + " for "
                            + type);
        }
        MemorySegment data = file.bytes().asSlice(start);
        if (descr.group(1).equals(">") && dtype.byteSize() > 1) {
            data = swapped(data, dtype.byteSize());
        }
        if (fortran && type.shape().rank() > 1) {
            data = Elements.rowMajor(data, type, fortranStrides(type));
        }
        return Elements.tensor(file, "the array", type, data);
    }

    /// Whether the elements of the array in `file` are text: `U` or `S`.
    ///
    /// @throws dev.runnel.MalformedModelException if the header cannot be read
    static boolean isText(MappedFile file) {
        return match(DESCR, header(file), file).group(2).matches("[US][0-9]*");
    }

    private static long headerEnd(MappedFile file) {
        if (file.size() < 12) {
            throw file.malformed("the array's header is cut off");
        }
        int version = file.unsignedByte(6);
        if (version < 1 || version > 3) {
            throw file.unsupported(
                    "the array is of format version " + version + ", expected 1 to 3");
        }
        long length = file.littleEndianInt(8) & 0xffffffffL;
        long end = version == 1 ? 10 + (length & 0xffff) : 12 + length;
        if (end > file.size()) {
            throw file.malformed("the array's header is cut off");
        }
        return end;
    }

    private static String header(MappedFile file) {
        long end = headerEnd(file);
        long from = file.unsignedByte(6) == 1 ? 10 : 12;
        if (end - from > 1 << 16) { // NumPy itself refuses more than 10,000
            throw file.malformed(
                    "the array's header has " + (end - from) + " bytes, expected at most 65536");
        }
        byte[] text = file.bytes().asSlice(from, end - from).toArray(ValueLayout.JAVA_BYTE);
        return new String(text, StandardCharsets.UTF_8);
    }

    private static Matcher match(Pattern pattern, String header, MappedFile file) {
        Matcher m = pattern.matcher(header);
        if (!m.find()) {
            throw file.malformed(
                    "the array's header has no "
                            + pattern.pattern().split("'")[1]
                            + " that can be read: "
                            + header.strip());
        }
        return m;
    }

    private static TensorType type(DType dtype, String dims, MappedFile file) {
        try {
            long[] d =
                    Arrays.stream(dims.split(","))
                            .map(String::strip)
                            .filter(s -> !s.isEmpty())
                            .mapToLong(
                                    s ->
                                            Long.parseLong(
                                                    s.endsWith("L")
                                                            ? s.substring(0, s.length() - 1)
                                                            : s))
                            .toArray();
            TensorType type = new TensorType(dtype, Shape.of(d));
            type.byteSize();
            return type;
        } catch (IllegalArgumentException e) {
            throw file.malformed(
                    "the array has shape (" + dims + "), which is too large or no shape");
        }
    }

    private static MemorySegment swapped(MemorySegment data, int size) {
        MemorySegment to = Arena.ofAuto().allocate(data.byteSize(), ALIGNMENT);
        for (long i = 0; i < data.byteSize(); i++) {
            long within = i % size;
            to.set(
                    ValueLayout.JAVA_BYTE,
                    i - within + size - 1 - within,
                    data.get(ValueLayout.JAVA_BYTE, i));
        }
        return to;
    }

    /// The strides of an array whose first axis varies fastest.
    private static long[] fortranStrides(TensorType type) {
        long[] stride = new long[type.shape().rank()];
        long step = type.dtype().byteSize();
        for (int a = 0; a < stride.length; a++) {
            stride[a] = step;
            step *= type.shape().dim(a);
        }
        return stride;
    }

    /// Writes `tensor` to `path`, replacing what was there.
    ///
    /// @throws IOException if it cannot be written
    public static void write(Path path, Tensor tensor) throws IOException {
        if (tensor.dtype() == DType.BFLOAT16) {
            tensor = Tensor.ofFloats(tensor.shape(), tensor.toFloats());
        }
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING)) {
            writeFully(channel, headerOf(tensor));
            MemorySegment data = tensor.data();
            for (long at = 0; at < data.byteSize(); at += 1 << 30) {
                long n = Math.min(1 << 30, data.byteSize() - at);
                writeFully(channel, data.asSlice(at, n).asByteBuffer());
            }
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer from) throws IOException {
        while (from.hasRemaining()) {
            channel.write(from);
        }
    }

    private static ByteBuffer headerOf(Tensor tensor) {
        String code =
                TYPES.entrySet().stream()
                        .filter(e -> e.getValue() == tensor.dtype())
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElseThrow();
        String dims =
                Arrays.stream(tensor.shape().dims())
                        .mapToObj(d -> d + ",")
                        .collect(Collectors.joining(" "));
        if (tensor.shape().rank() > 1) {
            dims = dims.substring(0, dims.length() - 1);
        }
        String text =
                "{'descr': '"
                        + (tensor.dtype().byteSize() == 1 ? "|" : "<")
                        + code
                        + "', 'fortran_order': False, 'shape': ("
                        + dims
                        + "), }";
        int unpadded = 10 + text.length() + 1;
        int total = (unpadded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        ByteBuffer header = ByteBuffer.allocate(total).order(ByteOrder.LITTLE_ENDIAN);
        header.put(MAGIC.getBytes(StandardCharsets.ISO_8859_1)).put((byte) 1).put((byte) 0);
        header.putShort((short) (total - 10));
        header.put(
                (text + " ".repeat(total - unpadded) + "\n").getBytes(StandardCharsets.ISO_8859_1));
        return header.flip();
    }
}
