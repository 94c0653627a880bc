package dev.runnel.formats.file;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.ValueLayout;

/// Goes from field to field of a [Message]. They are found anew for each question, for a list of
/// them would take many times the bytes that they have in the file.
final class Fields {
    static final int VARINT = 0;
    static final int FIXED64 = 1;
    static final int BYTES = 2;
    static final int FIXED32 = 5;

    private final Message message;
    private long position;
    private long to;
    private @Nullable Message more;

    int number;

    /// Its wire type.
    int kind;

    /// Of a VARINT; else where its bytes begin.
    long value;

    long length;

    Fields(Message message) {
        this(message, message.from, message.to, message.more);
    }

    private Fields(Message message, long from, long to, @Nullable Message more) {
        this.message = message;
        this.position = from;
        this.to = to;
        this.more = more;
    }

    boolean next() {
        while (position == to) {
            Message next = more;
            if (next == null) {
                return false;
            }
            position = next.from;
            to = next.to;
            more = next.more;
        }
        long start = position;
        long tag = varint();
        if (tag >>> 3 == 0 || tag >>> 3 >= 1 << 29) {
            throw message.corrupt("field number " + (tag >>> 3), start);
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
                    default -> throw message.corrupt("wire type " + kind, start);
                };
        if (length < 0 || length > to - position) {
            throw message.corrupt(
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

    /// Whether it is that field.
    ///
    /// @throws MalformedModelException if it is, but of another wire type
    boolean is(int number, int kind) {
        if (this.number == number && this.kind != kind) {
            throw message.corrupt(
                    "field " + number + " of wire type " + this.kind + ", expected " + kind,
                    position);
        }
        return this.number == number;
    }

    /// As [#is]; or a list of it, packed.
    boolean isOrPacked(int number, int kind) {
        return is(number, this.kind == BYTES ? BYTES : kind);
    }

    /// At the start of the field's bytes, which are numbers.
    Fields packed() {
        return new Fields(message, value, value + length, null);
    }

    boolean hasMore() {
        return position < to;
    }

    long varint() {
        long start = position;
        long bits = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position >= to) {
                throw message.corrupt("a number cut off", start);
            }
            byte b = message.file.bytes().get(ValueLayout.JAVA_BYTE, position++);
            bits |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return bits;
            }
        }
        throw message.corrupt("a number of more than 64 bits", start);
    }
}
