package dev.runnel.formats.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.file.MappedFile;

import org.jspecify.annotations.Nullable;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// Parses a file of ONNX messages without carrying the tensors' `raw_data` through the heap.
///
/// The protobuf parser copies every `bytes` field. So the messages are walked once in the mapped
/// file, along the fields that lead to tensors, and the parser is given the same messages with each
/// `raw_data` replaced by 16 bytes that say where in the file it lies: [#slice] finds it again.
/// Only lengths change on the way; all else reaches the parser as it is. The walk also checks every
/// length against the message around it, in longs, so that a lying one is found before anything is
/// allocated.
final class RawData {
    /// Messages within messages that we follow; one branch of `If` within another takes three.
    static final int MAX_DEPTH = 100;

    private static final int RAW_DATA = 9;
    private static final int REFERENCE_BYTES = 16;
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// The messages on the way from the file to its tensors.
    enum Message {
        ModelProto,
        GraphProto,
        FunctionProto,
        NodeProto,
        AttributeProto,
        TensorProto;

        /// The message in field `number` of this one, if we follow it.
        private @Nullable Message at(long number) {
            return switch (this) {
                case ModelProto -> number == 7 ? GraphProto : number == 25 ? FunctionProto : null;
                case GraphProto -> number == 1 ? NodeProto : number == 5 ? TensorProto : null;
                case FunctionProto ->
                        number == 7 ? NodeProto : number == 11 ? AttributeProto : null;
                case NodeProto -> number == 5 ? AttributeProto : null;
                case AttributeProto ->
                        number == 5 || number == 10
                                ? TensorProto
                                : number == 6 || number == 11 ? GraphProto : null;
                case TensorProto -> null;
            };
        }
    }

    private final MappedFile file;
    private long position;

    private RawData(MappedFile file) {
        this.file = file;
    }

    /// The message that the whole file is.
    ///
    /// @throws MalformedModelException if it is not well-formed
    static <T> T parse(MappedFile file, Message root, Parser<T> parser) {
        RawData walk = new RawData(file);
        Pieces pieces = walk.message(root, 0, file.size(), 0);
        if (pieces == null) {
            pieces = new Pieces();
            pieces.add(file.bytes());
        }
        CodedInputStream in = CodedInputStream.newInstance(pieces.stream());
        in.setRecursionLimit(
                MAX_DEPTH + 28); // the types of a graph's inputs nest deeper than it does
        try {
            return parser.parseFrom(in);
        } catch (InvalidProtocolBufferException e) {
            String why = String.valueOf(e.getMessage());
            throw new MalformedModelException(
                    file.name()
                            + ": "
                            + (why.contains("UTF-8")
                                    ? "a name is not valid UTF-8; the file is corrupt"
                                    : why.contains("nesting")
                                            ? "a type is nested too deep; the file is corrupt"
                                            : why.contains("too large")
                                                    ? root + " has more than 2 GB besides raw_data"
                                                    : root
                                                            + " has a field that cannot be read;"
                                                            + " the file is corrupt"),
                    e);
        }
    }

    /// The bytes that `reference`, a parsed `raw_data`, stands for: a slice of the mapped file.
    static MemorySegment slice(MappedFile file, ByteString reference) {
        MemorySegment r = MemorySegment.ofArray(reference.toByteArray());
        return file.bytes().asSlice(r.get(LONG, 0), r.get(LONG, 8));
    }

    /// The message from byte `from` to `to`, rewritten; null if nothing in it needs to be.
    private @Nullable Pieces message(Message kind, long from, long to, int depth) {
        if (depth > MAX_DEPTH) {
            throw file.malformed(
                    "graphs are nested more than " + MAX_DEPTH + " messages deep at byte " + from);
        }
        Pieces out = null;
        long kept = from;
        position = from;
        while (position < to) {
            long start = position;
            long tag = varint(kind, to);
            long field = tag >>> 3;
            if (field == 0 || field >= 1 << 29) {
                throw corrupt(kind, start, "field number " + field);
            }
            switch ((int) tag & 7) {
                case 0 -> varint(kind, to);
                case 1 -> skip(kind, field, 8, start, to);
                case 5 -> skip(kind, field, 4, start, to);
                case 2 -> {
                    long length = varint(kind, to);
                    long body = position;
                    skip(kind, field, length, start, to);
                    Pieces in = inner(kind, field, body, length, depth);
                    position = body + length;
                    if (in != null) {
                        out = out == null ? new Pieces() : out;
                        out.add(file.bytes().asSlice(kept, start - kept));
                        out.addField(tag, in);
                        kept = position;
                    }
                }
                default -> throw corrupt(kind, start, "wire type " + (tag & 7));
            }
        }
        if (out != null) {
            out.add(file.bytes().asSlice(kept, to - kept));
        }
        return out;
    }

    private @Nullable Pieces inner(Message kind, long field, long body, long length, int depth) {
        if (kind == Message.TensorProto && field == RAW_DATA) {
            MemorySegment reference = MemorySegment.ofArray(new byte[REFERENCE_BYTES]);
            reference.set(LONG, 0, body);
            reference.set(LONG, 8, length);
            Pieces in = new Pieces();
            in.add(reference);
            return in;
        }
        Message next = kind.at(field);
        return next == null ? null : message(next, body, body + length, depth + 1);
    }

    private void skip(Message kind, long field, long length, long start, long to) {
        if (length < 0 || length > to - position) {
            throw corrupt(
                    kind,
                    start,
                    "field "
                            + field
                            + " of "
                            + Long.toUnsignedString(length)
                            + " bytes, with "
                            + (to - position)
                            + " left");
        }
        position += length;
    }

    private long varint(Message kind, long to) {
        long start = position;
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position >= to) {
                throw corrupt(kind, start, "a number cut off");
            }
            byte b = file.bytes().get(ValueLayout.JAVA_BYTE, position++);
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw corrupt(kind, start, "a number of more than 64 bits");
    }

    private MalformedModelException corrupt(Message kind, long at, String what) {
        return file.malformed(
                kind + " has " + what + " at byte " + at + "; the file is truncated or corrupt");
    }

    /// Bytes that lie in many places, to be read one after the other.
    private static final class Pieces {
        private final List<MemorySegment> pieces = new ArrayList<>();
        private long size;

        void add(MemorySegment piece) {
            if (piece.byteSize() > 0) {
                pieces.add(piece);
                size += piece.byteSize();
            }
        }

        void addField(long tag, Pieces value) {
            byte[] header = new byte[20];
            int n = putVarint(header, putVarint(header, 0, tag), value.size);
            add(MemorySegment.ofArray(header).asSlice(0, n));
            pieces.addAll(value.pieces);
            size += value.size;
        }

        private static int putVarint(byte[] to, int at, long value) {
            while (value >= 0x80) {
                to[at++] = (byte) (value | 0x80);
                value >>>= 7;
            }
            to[at++] = (byte) value;
            return at;
        }

        InputStream stream() {
            return new InputStream() {
                private int next;
                private MemorySegment rest = MemorySegment.NULL;

                @Override
                public int read() {
                    byte[] one = new byte[1];
                    return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
                }

                @Override
                public int read(byte[] to, int offset, int length) {
                    if (length == 0) {
                        return 0;
                    }
                    while (rest.byteSize() == 0) {
                        if (next == pieces.size()) {
                            return -1;
                        }
                        rest = pieces.get(next++);
                    }
                    int n = (int) Math.min(length, rest.byteSize());
                    MemorySegment.copy(rest, ValueLayout.JAVA_BYTE, 0, to, offset, n);
                    rest = rest.asSlice(n);
                    return n;
                }
            };
        }
    }
}
