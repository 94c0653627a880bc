package dev.runnel.formats.rnl;

/// The numbers of the format; docs/formats.md says what they are for.
final class Layout {
    static final String MAGIC = "\u0089RNL\r\n\u001a\n";
    static final int MAJOR = 1;
    static final int MINOR = 0;

    /// Bytes in front of the header: magic, version, the header's length and checksum.
    static final int PREAMBLE = 20;

    private static final int ALIGNMENT = 64;

    private Layout() {}

    /// `offset` rounded up to where a tensor may begin.
    static long aligned(long offset) {
        return (offset + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
