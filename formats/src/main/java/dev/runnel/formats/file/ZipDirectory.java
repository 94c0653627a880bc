package dev.runnel.formats.file;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Reads the directory at the end of a ZIP archive and checks it against the headers before the
/// entries: tools that trust one or the other must not see different archives.
///
/// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
final class ZipDirectory {
    private static final String END = "PK\5\6";
    private static final String END64 = "PK\6\6";
    private static final String LOCATOR64 = "PK\6\7";
    private static final String ENTRY = "PK\1\2";
    private static final String LOCAL = "PK\3\4";

    private static final int END_BYTES = 22;
    private static final int END64_BYTES = 56;
    private static final int LOCATOR64_BYTES = 20;
    private static final int ENTRY_BYTES = 46;
    private static final int LOCAL_BYTES = 30;

    private static final int ENCRYPTED = 1 | 1 << 6 | 1 << 13;
    private static final int SIZES_FOLLOW = 1 << 3;

    /// Deflate makes no more than this of one byte.
    private static final long INFLATION = 1032;

    private final MappedFile file;
    private long entries;
    private long start;
    private long end;

    ZipDirectory(MappedFile file) {
        this.file = file;
    }

    /// What the directory says of one entry, and where its parts lie.
    private record Header(ZipEntry entry, long packed, long offset, long dataOffset) {
        long to() {
            return dataOffset + packed;
        }
    }

    /// All entries, in the directory's order.
    List<ZipEntry> entries() {
        find();
        if (entries > (end - start) / ENTRY_BYTES) {
            throw file.malformed(
                    "the archive's directory has "
                            + (end - start)
                            + " bytes, too few for "
                            + Long.toUnsignedString(entries)
                            + " entries");
        }
        List<Header> headers = new ArrayList<>();
        long at = start;
        for (long i = 0; i < entries; i++) {
            if (end - at < ENTRY_BYTES || !file.has(at, ENTRY)) {
                throw file.malformed("the archive's directory is corrupt at byte " + at);
            }
            long next =
                    at
                            + ENTRY_BYTES
                            + file.littleEndianShort(at + 28)
                            + file.littleEndianShort(at + 30)
                            + file.littleEndianShort(at + 32);
            if (next > end) {
                throw file.malformed("the archive's directory is corrupt at byte " + at);
            }
            headers.add(header(at));
            at = next;
        }
        if (at != end) {
            throw file.malformed(
                    "the archive's directory ends at byte " + at + ", expected " + end);
        }
        checkApart(headers);
        return headers.stream().map(Header::entry).toList();
    }

    // ---- where the directory lies

    private void find() {
        long at = endRecord();
        end = at;
        entries = file.littleEndianShort(at + 10);
        long size = unsignedInt(at + 12);
        start = unsignedInt(at + 16);
        boolean oneDisk =
                file.littleEndianShort(at + 4) == 0
                        && file.littleEndianShort(at + 6) == 0
                        && file.littleEndianShort(at + 8) == entries;
        long locator = at - LOCATOR64_BYTES;
        if (locator >= 0 && file.has(locator, LOCATOR64)) {
            long at64 = file.littleEndianLong(locator + 8);
            if (at64 < 0 || at64 > locator - END64_BYTES || !file.has(at64, END64)) {
                throw file.malformed("the archive's ZIP64 end record is not where it should be");
            }
            end = at64;
            oneDisk =
                    file.littleEndianInt(locator + 4) == 0
                            && file.littleEndianInt(at64 + 16) == 0
                            && file.littleEndianInt(at64 + 20) == 0;
            entries = sameOr64(entries, 0xffff, at64 + 32);
            size = sameOr64(size, 0xffffffffL, at64 + 40);
            start = sameOr64(start, 0xffffffffL, at64 + 48);
        }
        if (!oneDisk) {
            throw file.unsupported("the archive is one of several disks");
        }
        if (start < 0 || size < 0 || start > end || size != end - start || entries < 0) {
            throw file.malformed(
                    "the archive's directory is said to have "
                            + size
                            + " bytes at byte "
                            + start
                            + ", expected it to end at byte "
                            + end
                            + "; the file is truncated or corrupt");
        }
    }

    /// The number at `at64`, which `field` must be too unless it has all bits of `ones`.
    private long sameOr64(long field, long ones, long at64) {
        long value = file.littleEndianLong(at64);
        if (field != ones && field != value) {
            throw file.malformed(
                    "the archive's end records contradict each other: "
                            + field
                            + " and "
                            + Long.toUnsignedString(value)
                            + " at byte "
                            + at64);
        }
        return value;
    }

    /// Where the end record begins: the last place from which its comment reaches to the end.
    private long endRecord() {
        long last = file.size() - END_BYTES;
        for (long at = last; at >= Math.max(0, last - 0xffff); at--) {
            if (file.has(at, END)
                    && at + END_BYTES + file.littleEndianShort(at + 20) == file.size()) {
                return at;
            }
        }
        throw file.malformed("the archive has no end record; the file is truncated");
    }

    // ---- entries

    private Header header(long at) {
        String name = name(at + ENTRY_BYTES, file.littleEndianShort(at + 28));
        String where = "entry '" + name + "' ";
        int flags = file.littleEndianShort(at + 8);
        int method = file.littleEndianShort(at + 10);
        if ((flags & ENCRYPTED) != 0) {
            throw file.unsupported(where + "is encrypted");
        }
        if (method != 0 && method != 8) {
            throw file.unsupported(
                    where
                            + "is packed by method "
                            + method
                            + ", expected 0 (stored) or 8 (deflated)");
        }
        long packed = unsignedInt(at + 20);
        long size = unsignedInt(at + 24);
        long offset = unsignedInt(at + 42);
        int disk = file.littleEndianShort(at + 34);
        // Of these four, ZIP64 has those that do not fit, in this order.
        long extra = at + ENTRY_BYTES + file.littleEndianShort(at + 28);
        Extra64 more = new Extra64(extra, file.littleEndianShort(at + 30), where);
        size = more.orElse(size);
        packed = more.orElse(packed);
        offset = more.orElse(offset);
        if (disk != 0) {
            throw file.unsupported("the archive is one of several disks");
        }
        boolean sizes =
                packed >= 0
                        && size >= 0
                        && (method == 0 ? size == packed : size / INFLATION <= packed);
        if (!sizes) {
            throw file.malformed(
                    where
                            + "has "
                            + packed
                            + " bytes in the archive and "
                            + size
                            + " unpacked,"
                            + " which cannot be");
        }
        long data = dataOffset(offset, at, name, where, packed, size);
        if (packed > start - data) {
            throw file.malformed(
                    where
                            + "has "
                            + packed
                            + " bytes at byte "
                            + data
                            + ", past byte "
                            + start
                            + ", where the directory begins");
        }
        MemorySegment bytes = file.bytes().asSlice(data, packed);
        ZipEntry entry = new ZipEntry(name, method, file.littleEndianInt(at + 16), size, bytes);
        return new Header(entry, packed, offset, data);
    }

    /// Where the data of the entry at `local` begins, whose header must say what that at `at` of
    /// the directory does.
    private long dataOffset(
            long local, long at, String name, String where, long packed, long size) {
        if (local < 0 || local > start - LOCAL_BYTES || !file.has(local, LOCAL)) {
            throw file.malformed(where + "is not at byte " + local + ", where it should be");
        }
        int nameBytes = file.littleEndianShort(local + 26);
        int extraBytes = file.littleEndianShort(local + 28);
        long extra = local + LOCAL_BYTES + nameBytes;
        if (extra + extraBytes > start) {
            throw file.malformed(where + "has a header that is cut off");
        }
        int flags = file.littleEndianShort(local + 6);
        boolean later = (flags & SIZES_FOLLOW) != 0;
        Extra64 more = new Extra64(extra, extraBytes, where);
        long localSize = more.orElse(unsignedInt(local + 22));
        long localPacked = more.orElse(unsignedInt(local + 18));
        int crc = file.littleEndianInt(local + 14);
        boolean same =
                flags == file.littleEndianShort(at + 8)
                        && file.littleEndianShort(local + 8) == file.littleEndianShort(at + 10)
                        && (crc == file.littleEndianInt(at + 16) || later && crc == 0)
                        && (localSize == size || later && localSize == 0)
                        && (localPacked == packed || later && localPacked == 0)
                        && name(local + LOCAL_BYTES, nameBytes).equals(name);
        if (!same) {
            throw file.malformed(
                    where + "is described differently in the directory and at byte " + local);
        }
        return extra + extraBytes;
    }

    /// The 64-bit numbers of a header, to be taken one after the other by those fields of 32 bits
    /// that are all ones.
    private final class Extra64 {
        private long at;
        private long end;
        private final String where;

        Extra64(long from, int bytes, String where) {
            this.where = where;
            long to = from + bytes;
            for (long f = from; to - f >= 4; ) {
                long next = f + 4 + file.littleEndianShort(f + 2);
                if (next > to) {
                    throw file.malformed(where + "has an extra field that is cut off");
                }
                if (file.littleEndianShort(f) == 1 && end == 0) {
                    at = f + 4;
                    end = next;
                }
                f = next;
            }
        }

        long orElse(long field) {
            if (field != 0xffffffffL) {
                return field;
            }
            if (end - at < 8) {
                throw file.malformed(where + "lacks the ZIP64 field that its header refers to");
            }
            at += 8;
            return file.littleEndianLong(at - 8);
        }
    }

    /// Entries that share bytes are how a small archive unpacks to a huge one.
    private void checkApart(List<Header> headers) {
        List<Header> sorted = new ArrayList<>(headers);
        sorted.sort(Comparator.comparingLong(Header::offset));
        for (int i = 1; i < sorted.size(); i++) {
            Header a = sorted.get(i - 1);
            Header b = sorted.get(i);
            if (a.to() > b.offset()) {
                throw file.malformed(
                        "entries '"
                                + a.entry().name()
                                + "' and '"
                                + b.entry().name()
                                + "' lie in the same bytes");
            }
        }
    }

    private String name(long at, int bytes) {
        byte[] utf8 = file.bytes().asSlice(at, bytes).toArray(ValueLayout.JAVA_BYTE);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
        } catch (CharacterCodingException e) {
            throw file.malformed("the name of an entry at byte " + at + " is not UTF-8");
        }
    }

    private long unsignedInt(long at) {
        return Integer.toUnsignedLong(file.littleEndianInt(at));
    }
}
