package dev.runnel.tools.demo;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Writes WAV files, as they should be and otherwise.
final class Wav {
    private static final int PCM = 1;
    private static final int FLOAT = 3;

    private Wav() {}

    /// A file of these chunks.
    static byte[] riff(byte[]... chunks) {
        byte[] body = join(chunks);
        return join(head("RIFF", 4 + body.length), ascii("WAVE"), body);
    }

    static byte[] chunk(String name, byte... body) {
        return join(head(name, body.length), body, new byte[body.length & 1]);
    }

    /// A chunk that says that it has `length` bytes.
    static byte[] head(String name, long length) {
        return join(ascii(name), little(4).putInt((int) length).array());
    }

    static byte[] format(int kind, int channels, int rate, int bits) {
        int frame = channels * ((bits + 7) / 8);
        return chunk(
                "fmt ",
                little(16)
                        .putShort((short) kind)
                        .putShort((short) channels)
                        .putInt(rate)
                        .putInt(rate * frame)
                        .putShort((short) frame)
                        .putShort((short) bits)
                        .array());
    }

    static byte[] extensible(int kind, int channels, int rate, int bits) {
        byte[] plain = format(0xFFFE, channels, rate, bits);
        byte[] more =
                little(24)
                        .putShort((short) 22)
                        .putShort((short) bits)
                        .putInt(0)
                        .putShort((short) kind)
                        .put(
                                new byte[] {
                                    0,
                                    0,
                                    0,
                                    0,
                                    16,
                                    0,
                                    (byte) 0x80,
                                    0,
                                    0,
                                    (byte) 0xAA,
                                    0,
                                    56,
                                    (byte) 0x9B,
                                    0x71
                                })
                        .array();
        return join(head("fmt ", 40), java.util.Arrays.copyOfRange(plain, 8, 24), more);
    }

    /// Samples as they are written in so many bits, negative for floats.
    static byte[] encode(float[] samples, int bits) {
        ByteBuffer b = little(samples.length * Math.abs(bits) / 8);
        for (float s : samples) {
            switch (bits) {
                case 8 -> b.put((byte) (Math.round(s * 127) + 128));
                case 16 -> b.putShort((short) Math.round(s * 32767));
                case 24 -> {
                    int v = Math.round(s * 8388607);
                    b.put((byte) v).put((byte) (v >> 8)).put((byte) (v >> 16));
                }
                case 32 -> b.putInt((int) Math.round(s * 2147483647.0));
                case -32 -> b.putFloat(s);
                default -> b.putDouble(s);
            }
        }
        return b.array();
    }

    /// A plain file; negative bits for floats.
    static byte[] file(float[] samples, int rate, int channels, int bits) {
        return riff(
                format(bits < 0 ? FLOAT : PCM, channels, rate, Math.abs(bits)),
                chunk("data", encode(samples, bits)));
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] ascii(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
