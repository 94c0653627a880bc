package dev.runnel.formats.file;

import static dev.runnel.formats.file.Fields.BYTES;
import static dev.runnel.formats.file.Fields.FIXED32;
import static dev.runnel.formats.file.Fields.FIXED64;
import static dev.runnel.formats.file.Fields.VARINT;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A message of Protocol Buffers where it lies in a mapped file: its fields, by their numbers. What
/// is in a field is read when it is asked for; `bytes` are slices of the mapping.
///
/// The parser of protobuf-java copies every `bytes` field, and loads some hundred classes for its
/// first message, which is a fifth of the time that a process takes to its first step. Of the
/// generated classes readers use the field numbers, which are constants: that loads none of them.
///
/// As in proto3 a field that is absent is 0 or empty, the last one of a number counts, and fields
/// that nobody asks for are skipped; groups, which proto3 has not, and fields of another type than
/// is asked for are malformed. Every length is checked, in longs, against the message around it.
///
/// @see <a href="https://protobuf.dev/programming-guides/encoding/">Encoding</a>
public final class Message {
    /// Messages within messages; one branch of `If` within another takes three.
    private static final int MAX_DEPTH = 128;

    private static final int LONGEST_ARRAY = Integer.MAX_VALUE - 8;
    private static final int LONGEST_NAME = 1024;
    private static final int MOST_MESSAGES = 1 << 20;
    private static final int MOST_NUMBERS = 1 << 29;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    final MappedFile file;
    private final String type;
    private final int depth;

    /// Where its fields lie.
    long from;

    long to;

    /// More of its fields, read as if they came behind.
    @Nullable Message more;

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
        return new Message(file, type, 0).read(offset, offset + size);
    }

    /// Turns to these bytes, having seen that they are fields from end to end.
    private Message read(long from, long to) {
        if (depth > MAX_DEPTH) {
            throw file.malformed(
                    type + " is nested more than " + MAX_DEPTH + " messages deep at byte " + from);
        }
        this.from = from;
        this.to = to;
        Fields f = new Fields(this);
        while (f.next()) {
            continue;
        }
        return this;
    }

    MalformedModelException corrupt(String what, long at) {
        return file.malformed(
                type + " has " + what + " at byte " + at + "; the file is truncated or corrupt");
    }

    /// Its bytes in the file.
    public long byteSize() {
        long all = 0;
        for (Message m = this; m != null; m = m.more) {
            all += m.to - m.from;
        }
        return all;
    }

    /// Whether there is a field of that number.
    public boolean has(int number) {
        return oneOf(number) != 0;
    }

    /// Whether there is anything in the fields of that number, which is repeated: a packed list, or
    /// bytes, may be there and empty.
    public boolean isFilled(int number) {
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.number == number && (f.kind != BYTES || f.length > 0)) {
                return true;
            }
        }
        return false;
    }

    /// Which of these fields comes last: the one of a `oneof` that counts; 0 if there is none.
    public int oneOf(int... numbers) {
        int last = 0;
        for (Fields f = new Fields(this); f.next(); ) {
            for (int number : numbers) {
                last = f.number == number ? number : last;
            }
        }
        return last;
    }

    /// An integer, an enum's number, or a bool; of a `sint64` what is written for it.
    public long number(int number) {
        long last = 0;
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.is(number, VARINT)) {
                last = f.value;
            }
        }
        return last;
    }

    /// A `fixed32`.
    public int fixed32(int number) {
        int last = 0;
        for (Fields f = new Fields(this); f.next(); ) {
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
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.is(number, BYTES)) {
                last = file.bytes().asSlice(f.value, f.length);
            }
        }
        return last;
    }

    /// A repeated `bytes` field.
    public List<MemorySegment> bytesList(int number) {
        List<MemorySegment> all = new ArrayList<>();
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.is(number, BYTES)) {
                all.add(file.bytes().asSlice(f.value, f.length));
            }
        }
        return all;
    }

    /// A `string`, which has to be UTF-8.
    public String text(int number) {
        MemorySegment last = bytes(number);
        return last.byteSize() == 0 ? "" : text(last);
    }

    /// As [#text], of something's name: a short one, for it is part of many others.
    public String name(int number) {
        long length = bytes(number).byteSize();
        if (length > LONGEST_NAME) {
            throw file.malformed(
                    "a name in "
                            + type
                            + " has "
                            + length
                            + " bytes, expected at most "
                            + LONGEST_NAME
                            + "; the file is corrupt");
        }
        return text(number);
    }

    /// A repeated `string` field.
    public List<String> texts(int number) {
        List<String> all = new ArrayList<>();
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.is(number, BYTES)) {
                all.add(text(file.bytes().asSlice(f.value, f.length)));
            }
        }
        return all;
    }

    private String text(MemorySegment bytes) {
        String text = utf8(bytes);
        if (text == null) {
            throw file.malformed(
                    bytes.byteSize() > LONGEST_ARRAY
                            ? "a name has " + bytes.byteSize() + " bytes, expected at most 2 GB"
                            : "a name is not valid UTF-8; the file is corrupt");
        }
        return text;
    }

    /// The text that `bytes` encode; null if they are not UTF-8, or more than an array has.
    public static @Nullable String utf8(MemorySegment bytes) {
        if (bytes.byteSize() > LONGEST_ARRAY) {
            return null;
        }
        byte[] encoded = new byte[(int) bytes.byteSize()];
        // Not toArray, which costs a process that starts two lambdas.
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, 0, encoded, 0, encoded.length);
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
        Message last = null;
        for (Message m : messages(number, type)) {
            if (last == null) {
                all = m;
            } else {
                last.more = m;
            }
            last = m;
        }
        return all;
    }

    /// The messages in a repeated field.
    public List<Message> messages(int number, String type) {
        List<Message> all = new ArrayList<>();
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.is(number, BYTES)) {
                if (all.size() == MOST_MESSAGES) {
                    throw corrupt("more than " + MOST_MESSAGES + " of " + type, f.value);
                }
                Message m = new Message(file, type, depth + 1);
                all.add(m.read(f.value, f.value + f.length));
            }
        }
        return all;
    }

    /// A repeated field of integers, packed or not.
    public long[] numbers(int number) {
        long[] all = new long[8];
        int n = 0;
        for (Fields f = new Fields(this); f.next(); ) {
            if (!f.isOrPacked(number, VARINT)) {
                continue;
            } else if (f.kind == VARINT) {
                all = with(f.value, all, n++);
            } else {
                Fields packed = f.packed();
                while (packed.hasMore()) {
                    all = with(packed.varint(), all, n++);
                }
            }
        }
        return Arrays.copyOf(all, n);
    }

    private long[] with(long value, long[] all, int n) {
        if (n == MOST_NUMBERS) {
            throw corrupt("a list of more than " + MOST_NUMBERS + " numbers", from);
        }
        long[] grown = n == all.length ? Arrays.copyOf(all, 2 * n) : all;
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
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.isOrPacked(number, kind)) {
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
        for (Fields f = new Fields(this); f.next(); ) {
            if (f.isOrPacked(number, kind)) {
                MemorySegment.copy(file.bytes(), f.value, all, at, f.length);
                at += f.length;
            }
        }
        return all;
    }
}
