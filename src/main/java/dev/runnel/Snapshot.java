package dev.runnel;

/// A state's bytes with format version, model fingerprint and checksum.
public final class Snapshot {
    Snapshot() {}

    /// @throws IllegalArgumentException if these bytes are not a whole snapshot
    public static Snapshot of(byte[] bytes) {
        throw new UnsupportedOperationException("not written yet");
    }

    public byte[] toBytes() {
        throw new UnsupportedOperationException("not written yet");
    }
}
