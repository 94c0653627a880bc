package dev.runnel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/// A state's bytes with format version, model fingerprint and checksum: survives a restart, and is
/// refused by a model that is not the one it was taken of.
///
/// As bytes, all little-endian: magic `RNLS`, u32 version, 32 bytes fingerprint, u64 length, the
/// state, u32 CRC-32C of all before it.
public final class Snapshot {
    private static final int MAGIC = 'R' | 'N' << 8 | 'L' << 16 | 'S' << 24;
    private static final int VERSION = 1;
    private static final int FINGERPRINT_BYTES = 32;
    private static final int HEAD = 4 + 4 + FINGERPRINT_BYTES + 8;
    private static final int TAIL = 4;

    private final byte[] fingerprint;
    private final byte[] state;

    private Snapshot(byte[] fingerprint, byte[] state) {
        this.fingerprint = fingerprint;
        this.state = state;
    }

    static Snapshot take(byte[] fingerprint, byte[] state) {
        return new Snapshot(fingerprint, state);
    }

    /// Reads what [#toBytes] wrote.
    ///
    /// @throws IllegalArgumentException if these bytes are not a whole snapshot of a version known
    ///   here
    public static Snapshot of(byte[] bytes) {
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < HEAD + TAIL || b.getInt() != MAGIC) {
            throw new IllegalArgumentException(
                    "not a snapshot: "
                            + bytes.length
                            + " bytes that "
                            + (bytes.length < HEAD + TAIL
                                    ? "are fewer than its head"
                                    : "do not start with RNLS"));
        }
        int version = b.getInt();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "snapshot has format version "
                            + version
                            + ", expected "
                            + VERSION
                            + "; update Runnel");
        }
        byte[] fingerprint = new byte[FINGERPRINT_BYTES];
        b.get(fingerprint);
        long length = b.getLong();
        if (length != bytes.length - HEAD - TAIL) {
            throw new IllegalArgumentException(
                    "snapshot says it holds "
                            + length
                            + " bytes, but has "
                            + (bytes.length - HEAD - TAIL)
                            + ": it was cut or added to");
        }
        byte[] state = new byte[(int) length];
        b.get(state);
        if (b.getInt() != checksum(bytes)) {
            throw new IllegalArgumentException(
                    "snapshot does not match its checksum: it is damaged");
        }
        return new Snapshot(fingerprint, state);
    }

    /// The snapshot as bytes, to be kept anywhere.
    public byte[] toBytes() {
        byte[] bytes = new byte[HEAD + state.length + TAIL];
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(MAGIC).putInt(VERSION).put(fingerprint).putLong(state.length).put(state);
        b.putInt(checksum(bytes));
        return bytes;
    }

    private static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, bytes.length - TAIL);
        return (int) crc.getValue();
    }

    byte[] bytesFor(Model model) {
        if (!Arrays.equals(fingerprint, model.fingerprint())) {
            throw new IllegalArgumentException(
                    "the snapshot is of another model: its fingerprint is "
                            + text(fingerprint)
                            + "…, that of "
                            + model.name()
                            + " "
                            + text(model.fingerprint())
                            + "…");
        }
        if (state.length != model.stateLayout().bytes()) {
            throw new IllegalArgumentException(
                    "the snapshot holds "
                            + state.length
                            + " bytes, the state has "
                            + model.stateLayout().bytes());
        }
        return state;
    }

    private static String text(byte[] fingerprint) {
        return HexFormat.of().formatHex(fingerprint, 0, 6);
    }
}
