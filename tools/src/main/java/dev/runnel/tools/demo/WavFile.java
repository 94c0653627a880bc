package dev.runnel.tools.demo;

import dev.runnel.tools.demo.PcmStream.Encoding;

import org.jspecify.annotations.Nullable;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/// Reads RIFF WAVE files (Multimedia Programming Interface and Data Specifications 1.0, 1991; EBU
/// Tech 3306 for RF64), as far as their samples are PCM or floats. What precedes the samples is
/// read at once, they are read as they are asked for.
final class WavFile {
    private static final int PCM = 1;
    private static final int FLOAT = 3;
    private static final int EXTENSIBLE = 0xFFFE;
    private static final int MOST_FORMAT_BYTES = 1 << 16;

    /// Programs that write to a pipe and cannot know the length write 0, this, or something above.
    private static final long UNKNOWN_LENGTH = 0x7FFF_F000L;

    private final String name;
    private final InputStream in;

    /// Bytes read so far.
    private long position;

    private long riffLength;

    /// Of RF64, whose chunks may be longer than 32 bits can say; -1 if it does not say.
    private long longDataLength = -1;

    private @Nullable ByteBuffer format;

    private WavFile(String name, InputStream in) {
        this.name = name;
        this.in = in;
    }

    /// Whether a file begins like one that this class knows, even if it then refuses it.
    ///
    /// @param head its first four bytes
    static boolean begins(byte[] head) {
        return List.of("RIFF", "RF64", "RIFX")
                .contains(new String(head, StandardCharsets.ISO_8859_1));
    }

    /// The samples of a file that is read from its beginning.
    ///
    /// @param name for messages
    /// @throws IOException if it is no WAV file, ends before its samples, or has samples of a kind
    ///   that is not read
    static PcmStream open(String name, InputStream in) throws IOException {
        return new WavFile(name, in).samples();
    }

    private PcmStream samples() throws IOException {
        header();
        byte[] early = null; // samples that come before it is said what they are
        while (true) {
            byte[] head = in.readNBytes(8);
            position += head.length;
            if (head.length < 8) {
                throw end(format == null ? "fmt" : "data");
            }
            String chunk = new String(head, 0, 4, StandardCharsets.ISO_8859_1);
            long length = Integer.toUnsignedLong(little(head).getInt(4));
            switch (chunk) {
                case "fmt " -> {
                    format = little(chunk(length));
                    if (early != null) {
                        return samples(new ByteArrayInputStream(early), early.length);
                    }
                }
                case "ds64" -> longDataLength = little(chunk(length)).getLong(8);
                case "data" -> {
                    long known = dataLength(length);
                    if (format != null) {
                        return samples(in, known);
                    }
                    if (known > Integer.MAX_VALUE - 8) {
                        throw wrong("its samples come before its fmt chunk, and have no length");
                    }
                    early = in.readNBytes((int) known);
                    position += early.length;
                    skip(length & 1);
                }
                default -> skip(length + (length & 1));
            }
        }
    }

    private void header() throws IOException {
        byte[] head = in.readNBytes(12);
        position += head.length;
        if (head.length == 0) {
            throw wrong("is empty");
        }
        String all = new String(head, StandardCharsets.ISO_8859_1);
        if (all.startsWith("RIFX")) {
            throw wrong("is a big-endian WAV file (RIFX), which is not read");
        }
        if (!all.startsWith("RIFF") && !all.startsWith("RF64")) {
            throw wrong(
                    "is no WAV file: it begins with '"
                            + all.substring(0, Math.min(4, all.length())).replaceAll("[^ -~]", "?")
                            + "', expected 'RIFF'; convert it first, such as by ffmpeg -i FILE"
                            + " FILE.wav");
        }
        if (head.length < 12) {
            throw wrong("ends within its first 12 bytes, which say that it is a WAV file");
        }
        if (!all.endsWith("WAVE")) {
            throw wrong("is a RIFF file, but of '" + all.substring(8) + "', expected 'WAVE'");
        }
        riffLength = Integer.toUnsignedLong(little(head).getInt(4));
    }

    /// The bytes that are to come: as many as there are if the file does not say.
    private long dataLength(long length) {
        if (length == 0xFFFF_FFFFL && longDataLength >= 0) {
            return longDataLength;
        }
        // 0 is meant where other chunks follow.
        boolean none = length == 0 && riffLength + 8 > position && riffLength < UNKNOWN_LENGTH;
        return length >= UNKNOWN_LENGTH || length == 0 && !none ? PcmStream.UNTIL_THE_END : length;
    }

    private PcmStream samples(InputStream from, long length) throws IOException {
        ByteBuffer f = Objects.requireNonNull(format);
        int kind = f.getShort(0) & 0xFFFF;
        if (kind == EXTENSIBLE && f.limit() >= 26) {
            kind = f.getShort(24) & 0xFFFF; // the first of the 16 bytes that name the format
        }
        int channels = f.getShort(2) & 0xFFFF;
        long rate = Integer.toUnsignedLong(f.getInt(4));
        int frame = f.getShort(12) & 0xFFFF;
        int bits = f.getShort(14) & 0xFFFF;
        Encoding encoding = encoding(kind, bits);
        if (channels == 0 || frame != channels * encoding.bytes) {
            throw wrong(
                    "its fmt chunk contradicts itself: "
                            + channels
                            + " channels of "
                            + bits
                            + " bits in "
                            + frame
                            + " bytes");
        }
        if (rate < Samples.LEAST_RATE || rate > Samples.MOST_RATE) {
            throw wrong(
                    "has "
                            + rate
                            + " samples a second, expected "
                            + Samples.LEAST_RATE
                            + " to "
                            + Samples.MOST_RATE);
        }
        return new PcmStream(name, from, (int) rate, channels, encoding, length);
    }

    private Encoding encoding(int kind, int bits) throws IOException {
        int bytes = (bits + 7) / 8; // 12 bits are the upper ones of 16
        if (kind == PCM && bytes >= 1 && bytes <= 4) {
            return Encoding.values()[bytes - 1];
        }
        if (kind == FLOAT && (bits == 32 || bits == 64)) {
            return bits == 32 ? Encoding.FLOAT_32 : Encoding.FLOAT_64;
        }
        throw wrong(
                "has samples of "
                        + bits
                        + " bits in "
                        + kindName(kind)
                        + "; what is read is PCM of 8, 16, 24 and 32 bits, and floats of 32 and"
                        + " 64; convert it first, such as by ffmpeg -i FILE -c:a pcm_s16le"
                        + " FILE.wav");
    }

    private static String kindName(int kind) {
        return switch (kind) {
            case PCM -> "PCM";
            case 2 -> "Microsoft's ADPCM";
            case FLOAT -> "floats";
            case 6 -> "A-law";
            case 7 -> "µ-law";
            case 0x11 -> "IMA ADPCM";
            case 0x31 -> "GSM 06.10";
            case 0x50 -> "MPEG audio";
            case 0x55 -> "MP3";
            default -> "format 0x%04X".formatted(kind);
        };
    }

    /// A chunk that says something about the samples.
    private byte[] chunk(long length) throws IOException {
        if (length < 16 || length > MOST_FORMAT_BYTES) {
            throw wrong("its fmt or ds64 chunk has " + length + " bytes, expected 16 or some more");
        }
        byte[] bytes = in.readNBytes((int) length);
        position += bytes.length;
        if (bytes.length < length) {
            throw end("data");
        }
        skip(length & 1);
        return bytes;
    }

    private void skip(long bytes) throws IOException {
        try {
            in.skipNBytes(bytes);
        } catch (EOFException e) {
            throw end(format == null ? "fmt" : "data");
        }
        position += bytes;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private IOException end(String before) {
        return wrong("ends before its " + before + " chunk");
    }

    private IOException wrong(String what) {
        return new IOException(name + ": " + what);
    }
}
