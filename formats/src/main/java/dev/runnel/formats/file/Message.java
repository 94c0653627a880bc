package dev.runnel.formats.file;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/// A message of Protocol Buffers where it lies in a mapped file: its fields, by their numbers. What
/// is in a field is read when it is asked for; `bytes` are slices of the mapping.
///
/// The parser of protobuf-java copies every `bytes` field, and loads some hundred classes for its
/// first message, which is a fifth of the time that a process takes to its first step. Of the
/// generated classes readers use the field numbers, which are constants: that loads none of them.
///
/// As in proto3 a field that is absent is 0 or empty, the last one of a number counts, and fields
/// that nobody asks for are skipped. Every length is checked, in longs, against the message around
/// it.
///
/// @see <a href="https://protobuf.dev/programming-guides/encoding/">Encoding</a>
public final class Message {
    /// Messages within messages; one branch of `If` within another takes three.
    private static final int MAX_DEPTH = 128;

    private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MappedFile file;
    private final String type;
    private final int depth;

    /// Where its fields lie: one piece, or several that are read as one.
    private final List<Piece> pieces = new ArrayList<>();

    private record Piece(long from, long to) {}

    private Message(MappedFile file, String type, int depth) {
        this.file = file;
        this.type = type;
        this.depth = depth;
    }

    /// The message that `size` bytes of `file` from `offset` on are.
    ///
    /// @param type what messages to people call it
    /// @throws MalformedModelException if it is none, here and in all methods
    public static Message of(MappedFile file, String type, long offset, long size) {
        Message message = new Message(file, type, 0);
        message.read(offset, offset + size);
        return message;
    }

    /// Adds a piece, having seen that it is fields from end to end.
    private void read(long from, long to) {
        if (depth > MAX_DEPTH) {
            throw file.malformed(
                    type + " is nested more than " + MAX_DEPTH + " messages deep at byte " + from);
        }
        Piece piece = new Piece(from, to);
        Cursor f = new Cursor(List.of(piece));
        while (f.next()) {
            continue;
        }
        pieces.add(piece);
    }

    private Cursor fields() {
        return new Cursor(pieces);
    }

    /// Goes from field to field. They are found anew for each question, for a list of them would
    /// take many times the bytes that they have in the file.
    private final class Cursor {
        private final Iterator<Piece> left;
        private long position;
        private long to;

        int number;

        /// Its wire type.
        int kind;

        /// Of a VARINT; else where its bytes begin.
        long value;

        long length;

        Cursor(List<Piece> pieces) {
            left = pieces.iterator();
        }

        boolean next() {
            while (position == to) {
                if (!left.hasNext()) {
                    return false;
                }
                Piece piece = left.next();
                position = piece.from;
                to = piece.to;
            }
            long start = position;
            long tag = varint();
            if (tag >>> 3 == 0 || tag >>> 3 >= 1 << 29) {
                throw corrupt("field number " + (tag >>> 3), start);
            }
            number = (int) (tag >>> 3);
            kind = (int) tag & 7;
            long read = kind == VARINT || kind == BYTES ? varint() : 0;
            length =
                    switch (kind) {
                        case VARINT -> 0; // read already
                        case FIXED64 -> 8;
                        case FIXED32 -> 4;
                        case BYTES -> read;
                        default -> throw corrupt("wire type " + kind, start);
                    };
            if (length < 0 || length > to - position) {
                throw corrupt(
                        "field "
                                + number
                                + " of "
                                + Long.toUnsignedString(length)
                                + " bytes, with "
                                + (to - position)
                                + " left",
                        start);
            }
            value = kind == VARINT ? read : position;
            position += length;
            return true;
        }

        boolean is(int number, int kind) {
            return this.number == number && this.kind == kind;
        }

        /// At the start of the field's bytes, which are numbers.
        Cursor packed() {
            Cursor c = new Cursor(List.of());
            c.position = value;
            c.to = value + length;
            return c;
        }

        boolean hasMore() {
            return position < to;
        }

        long varint() {
            long start = position;
            long bits = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                if (position >= to) {
                    throw corrupt("a number cut off", start);
                }
                byte b = file.bytes().get(ValueLayout.JAVA_BYTE, position++);
                bits |= (long) (b & 0x7f) << shift;
                if (b >= 0) {
                    return bits;
                }
            }
            throw corrupt("a number of more than 64 bits", start);
        }
    }

    private MalformedModelException corrupt(String what, long at) {
        return file.malformed(
                type + " has " + what + " at byte " + at + "; the file is truncated or corrupt");
    }

    /// Its bytes in the file.
    public long byteSize() {
        long all = 0;
        for (Piece piece : pieces) {
            all += piece.to - piece.from;
        }
        return all;
    }

    /// Whether there is a field of that number.
    public boolean has(int number) {
        return oneOf(number) != 0;
    }

    /// Whether there is anything in the fields of that number: not if they are lists, packed and
    /// empty.
    public boolean isFilled(int number) {
        for (Cursor f = fields(); f.next(); ) {
            if (f.number == number && (f.kind != BYTES || f.length > 0)) {
                return true;
            }
        }
        return false;
    }

    /// Which of these fields comes last: the one of a `oneof` that counts; 0 if there is none.
    public int oneOf(int... numbers) {
        int last = 0;
        for (Cursor f = fields(); f.next(); ) {
            for (int number : numbers) {
                last = f.number == number ? number : last;
            }
        }
        return last;
    }

    /// An integer, an enum's number, or a bool; of a `sint64` what is written for it.
    public long number(int number) {
        long last = 0;
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, VARINT)) {
                last = f.value;
            }
        }
        return last;
    }

    /// A `fixed32`.
    public int fixed32(int number) {
        int last = 0;
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, FIXED32)) {
                last = file.littleEndianInt(f.value);
            }
        }
        return last;
    }

    /// A `float`.
    public float real(int number) {
        return Float.intBitsToFloat(fixed32(number));
    }

    /// A `bytes` field: a slice of the mapped file.
    public MemorySegment bytes(int number) {
        MemorySegment last = MemorySegment.NULL;
        for (MemorySegment s : byteses(number)) {
            last = s;
        }
        return last;
    }

    /// A repeated `bytes` field.
    public List<MemorySegment> byteses(int number) {
        List<MemorySegment> all = new ArrayList<>();
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, BYTES)) {
                all.add(file.bytes().asSlice(f.value, f.length));
            }
        }
        return all;
    }

    /// A `string`, which has to be UTF-8.
    public String text(int number) {
        List<String> all = texts(number);
        return all.isEmpty() ? "" : all.getLast();
    }

    /// A repeated `string` field.
    public List<String> texts(int number) {
        List<String> all = new ArrayList<>();
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, BYTES)) {
                String text = utf8(file.bytes().asSlice(f.value, f.length));
                if (text == null) {
                    throw file.malformed("a name is not valid UTF-8; the file is corrupt");
                }
                all.add(text);
            }
        }
        return all;
    }

    /// The text that `bytes` encode; null if they are not UTF-8, or more than an array has.
    public static @Nullable String utf8(MemorySegment bytes) {
        if (bytes.byteSize() > LONGEST_ARRAY) {
            return null;
        }
        byte[] encoded = bytes.toArray(ValueLayout.JAVA_BYTE);
        String text = new String(encoded, StandardCharsets.UTF_8);
        // What stands for bytes that are no UTF-8 may as well be what the file says.
        boolean same =
                text.indexOf('\ufffd') < 0
                        || Arrays.equals(text.getBytes(StandardCharsets.UTF_8), encoded);
        return same ? text : null;
    }

    /// The message in a field; an empty one if it is absent, what all together say if there are
    /// several.
    public Message message(int number, String type) {
        Message all = new Message(file, type, depth + 1);
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, BYTES)) {
                all.read(f.value, f.value + f.length);
            }
        }
        return all;
    }

    /// The messages in a repeated field.
    public List<Message> messages(int number, String type) {
        List<Message> all = new ArrayList<>();
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, BYTES)) {
                Message m = new Message(file, type, depth + 1);
                m.read(f.value, f.value + f.length);
                all.add(m);
            }
        }
        return all;
    }

    /// A repeated field of integers, packed or not.
    public long[] numbers(int number) {
        long[] all = new long[8];
        int n = 0;
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, VARINT)) {
                all = with(f.value, all, n++);
            } else if (f.is(number, BYTES)) {
                if (f.length > LONGEST_ARRAY) {
                    throw corrupt("field " + number + " of " + f.length + " bytes", f.value);
                }
                Cursor packed = f.packed();
                while (packed.hasMore()) {
                    all = with(packed.varint(), all, n++);
                }
            }
        }
        return Arrays.copyOf(all, n);
    }

    private static long[] with(long value, long[] all, int n) {
        long[] grown =
                n == all.length ? Arrays.copyOf(all, (int) Math.min(2L * n, LONGEST_ARRAY)) : all;
        grown[n] = value;
        return grown;
    }

    /// A repeated field of floats, packed or not.
    public float[] floats(int number) {
        return fixed(number, FIXED32, 4).toArray(FLOAT);
    }

    /// A repeated field of doubles, packed or not.
    public double[] doubles(int number) {
        return fixed(number, FIXED64, 8).toArray(DOUBLE);
    }

    /// The elements of a repeated field, one behind the other.
    private MemorySegment fixed(int number, int kind, int size) {
        long bytes = 0;
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, kind) || f.is(number, BYTES)) {
                bytes += f.length;
                if (f.length % size != 0 || bytes > LONGEST_ARRAY) {
                    throw corrupt(
                            "field "
                                    + number
                                    + " of "
                                    + f.length
                                    + " bytes, expected elements of "
                                    + size
                                    + ", 2 GB of them at most,",
                            f.value);
                }
            }
        }
        MemorySegment all = MemorySegment.ofArray(new byte[(int) bytes]);
        long at = 0;
        for (Cursor f = fields(); f.next(); ) {
            if (f.is(number, kind) || f.is(number, BYTES)) {
                MemorySegment.copy(file.bytes(), f.value, all, at, f.length);
                at += f.length;
            }
        }
        return all;
    }
}
