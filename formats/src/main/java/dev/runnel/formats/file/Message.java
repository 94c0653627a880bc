package dev.runnel.formats.file;

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

    /// @param kind its wire type
    /// @param value of a VARINT; else where its bytes begin
    private record Field(int number, int kind, long value, long length) {}

    private final MappedFile file;
    private final String type;
    private final int depth;
    private final List<Field> fields = new ArrayList<>();
    private long byteSize;
    private long position;

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

    private void read(long from, long to) {
        if (depth > MAX_DEPTH) {
            throw file.malformed(
                    type + " is nested more than " + MAX_DEPTH + " messages deep at byte " + from);
        }
        byteSize += to - from;
        position = from;
        while (position < to) {
            long start = position;
            long tag = varint(to);
            long number = tag >>> 3;
            if (number == 0 || number >= 1 << 29) {
                throw corrupt("field number " + number, start);
            }
            int kind = (int) tag & 7;
            long value = kind == VARINT || kind == BYTES ? varint(to) : position;
            long length =
                    switch (kind) {
                        case VARINT -> 0; // read already
                        case FIXED64 -> 8;
                        case FIXED32 -> 4;
                        case BYTES -> value;
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
            fields.add(new Field((int) number, kind, kind == BYTES ? position : value, length));
            position += length;
        }
    }

    private long varint(long to) {
        long start = position;
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position >= to) {
                throw corrupt("a number cut off", start);
            }
            byte b = file.bytes().get(ValueLayout.JAVA_BYTE, position++);
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw corrupt("a number of more than 64 bits", start);
    }

    private MalformedModelException corrupt(String what, long at) {
        return file.malformed(
                type + " has " + what + " at byte " + at + "; the file is truncated or corrupt");
    }

    /// Its bytes in the file.
    public long byteSize() {
        return byteSize;
    }

    /// Whether there is a field of that number.
    public boolean has(int number) {
        return oneOf(number) != 0;
    }

    /// Whether there is anything in the fields of that number: not if they are lists, packed and
    /// empty.
    public boolean isFilled(int number) {
        for (Field f : fields) {
            if (f.number == number && (f.kind != BYTES || f.length > 0)) {
                return true;
            }
        }
        return false;
    }

    /// Which of these fields comes last: the one of a `oneof` that counts; 0 if there is none.
    public int oneOf(int... numbers) {
        for (int i = fields.size() - 1; i >= 0; i--) {
            for (int number : numbers) {
                if (fields.get(i).number == number) {
                    return number;
                }
            }
        }
        return 0;
    }

    /// An integer, an enum's number, or a bool; of a `sint64` what is written for it.
    public long number(int number) {
        long last = 0;
        for (Field f : fields) {
            if (f.number == number && f.kind == VARINT) {
                last = f.value;
            }
        }
        return last;
    }

    /// A `fixed32`.
    public int fixed32(int number) {
        int last = 0;
        for (Field f : fields) {
            if (f.number == number && f.kind == FIXED32) {
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
        for (Field f : fields) {
            if (f.number == number && f.kind == BYTES) {
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
        for (Field f : fields) {
            if (f.number == number && f.kind == BYTES) {
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
        for (Field f : fields) {
            if (f.number == number && f.kind == BYTES) {
                all.read(f.value, f.value + f.length);
            }
        }
        return all;
    }

    /// The messages in a repeated field.
    public List<Message> messages(int number, String type) {
        List<Message> all = new ArrayList<>();
        for (Field f : fields) {
            if (f.number == number && f.kind == BYTES) {
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
        for (Field f : fields) {
            if (f.number == number && f.kind == VARINT) {
                all = with(f.value, all, n++);
            } else if (f.number == number && f.kind == BYTES) {
                if (f.length > LONGEST_ARRAY) {
                    throw corrupt("field " + number + " of " + f.length + " bytes", f.value);
                }
                position = f.value;
                while (position < f.value + f.length) {
                    all = with(varint(f.value + f.length), all, n++);
                }
            }
        }
        return Arrays.copyOf(all, n);
    }

    private static long[] with(long value, long[] all, int n) {
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
        for (Field f : fields) {
            if (f.number == number && (f.kind == kind || f.kind == BYTES)) {
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
        for (Field f : fields) {
            if (f.number == number && (f.kind == kind || f.kind == BYTES)) {
                MemorySegment.copy(file.bytes(), f.value, all, at, f.length);
                at += f.length;
            }
        }
        return all;
    }
}
