package dev.runnel.tools.demo;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/// Samples that lie one after the other, little-endian, the channels of each moment side by side;
/// their mean is what is heard.
final class PcmStream implements Samples {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// How a sample is written.
    enum Encoding {
        /// From 0 to 255, silence being 128.
        UNSIGNED_8(1),
        SIGNED_16(2),
        SIGNED_24(3),
        SIGNED_32(4),
        FLOAT_32(4),
        FLOAT_64(8);

        final int bytes;

        Encoding(int bytes) {
            this.bytes = bytes;
        }
    }

    /// For a length that is not known.
    static final long UNTIL_THE_END = Long.MAX_VALUE;

    private static final int MOST_BYTES = 1 << 16;

    private final String name;
    private final InputStream in;
    private final int rate;
    private final int channels;
    private final Encoding encoding;
    private final boolean endless;

    /// Bytes that are still to come.
    private long left;

    private byte[] bytes = {};

    /// Bytes of a frame, one sample a channel, that is not complete yet; they are the first.
    private int pending;

    private long frames;

    /// @param name for messages
    /// @param length in bytes; what the stream has beyond is not read
    PcmStream(String name, InputStream in, int rate, int channels, Encoding encoding, long length) {
        this.name = name;
        this.in = in;
        this.rate = rate;
        this.channels = channels;
        this.encoding = encoding;
        this.endless = length == UNTIL_THE_END;
        this.left = length;
    }

    @Override
    public int rate() {
        return rate;
    }

    /// Bytes that were announced and did not come.
    long missing() {
        return endless ? 0 : left;
    }

    @Override
    public int read(float[] to) throws IOException {
        int frame = channels * encoding.bytes;
        int room = Math.clamp(MOST_BYTES / frame, 1, to.length) * frame;
        if (bytes.length < room) {
            bytes = Arrays.copyOf(bytes, room);
        }
        int held = pending;
        while (held < frame) {
            int came = in.read(bytes, held, (int) Math.min(room - held, left));
            if (came <= 0) {
                return -1;
            }
            held += came;
            left -= came;
        }
        int count = held / frame;
        MemorySegment data = MemorySegment.ofArray(bytes);
        for (int i = 0; i < count; i++) {
            to[i] = mixed(data, (long) i * frame);
        }
        pending = held - count * frame;
        System.arraycopy(bytes, count * frame, bytes, 0, pending);
        frames += count;
        return count;
    }

    private float mixed(MemorySegment data, long at) throws IOException {
        double sum = 0;
        for (int c = 0; c < channels; c++) {
            sum += sample(data, at + (long) c * encoding.bytes);
        }
        if (!Double.isFinite(sum)) {
            throw new IOException(
                    name
                            + ": there is a sample that is no finite number, some "
                            + frames / rate
                            + " seconds from the beginning");
        }
        // Louder than full scale only floats can be; a player would clip them, too.
        return (float) Math.clamp(sum / channels, -1, 1);
    }

    private double sample(MemorySegment data, long at) {
        return switch (encoding) {
            case UNSIGNED_8 -> ((data.get(ValueLayout.JAVA_BYTE, at) & 0xFF) - 0x80) / 0x1p7;
            case SIGNED_16 -> data.get(SHORT, at) / 0x1p15;
            case SIGNED_24 ->
                    (data.get(SHORT, at) & 0xFFFF | data.get(ValueLayout.JAVA_BYTE, at + 2) << 16)
                            / 0x1p23;
            case SIGNED_32 -> data.get(INT, at) / 0x1p31;
            case FLOAT_32 -> data.get(FLOAT, at);
            case FLOAT_64 -> data.get(DOUBLE, at);
        };
    }
}
