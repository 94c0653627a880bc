package dev.runnel.formats.file;

import dev.runnel.MalformedModelException;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/// A ZIP archive in a mapped file. What it stores is handed out as slices of the mapping; what it
/// deflates is inflated off-heap. `java.util.zip` does not say where an entry lies.
///
/// Before an entry is handed out, its two headers are found to agree and its CRC-32 to be right;
/// entries that share bytes, or are named alike, are refused. All that an archive declares to
/// inflate to is limited by its size: see [#INFLATED_TO_SIZE].
///
/// Source: PKWARE's APPNOTE.TXT 6.3.10; methods 0 and 8, ZIP64, no encryption, one disk.
public final class ZipArchive {
    /// The most that an archive may inflate to, in bytes for each of its own: far more than weights
    /// do, and far less than the 1032 of a bomb.
    static final long INFLATED_TO_SIZE = 32;

    /// What any archive may inflate to, however small.
    static final long INFLATED_BYTES = 64 << 20;

    private static final int DEFLATED = 8;
    private static final int CHUNK = 1 << 26;

    private final MappedFile file;
    private final Map<String, ZipEntry> entries;

    private ZipArchive(MappedFile file, Map<String, ZipEntry> entries) {
        this.file = file;
        this.entries = entries;
    }

    /// The archive that `file` is; only its directory is read.
    ///
    /// @throws MalformedModelException if the directory contradicts itself or the file
    /// @throws dev.runnel.UnsupportedModelException if an entry is encrypted, of another method
    ///   than those above, or the archive is one of several disks
    public static ZipArchive open(MappedFile file) {
        Map<String, ZipEntry> entries = new LinkedHashMap<>();
        long inflated = 0;
        for (ZipEntry e : new ZipDirectory(file).entries()) {
            if (entries.put(e.name(), e) != null) {
                throw file.malformed("entry '" + e.name() + "' is there twice");
            }
            if (e.method() == DEFLATED) {
                inflated += e.size(); // at most 1032 times the file: no overflow
            }
        }
        long most = Math.max(INFLATED_BYTES, INFLATED_TO_SIZE * file.size());
        if (inflated > most) {
            throw file.malformed(
                    "the archive of "
                            + file.size()
                            + " bytes inflates to "
                            + inflated
                            + ", expected at most "
                            + most
                            + "; it looks like a ZIP bomb");
        }
        return new ZipArchive(file, Collections.unmodifiableMap(entries));
    }

    /// The names of all entries, in the directory's order; those of folders end in `/`.
    public Set<String> names() {
        return entries.keySet();
    }

    /// The entry of this name, as a file of its own; null if there is none.
    ///
    /// @throws MalformedModelException if it cannot be inflated to what its headers say
    public @Nullable MappedFile find(String name) {
        ZipEntry entry = entries.get(name);
        if (entry == null) {
            return null;
        }
        MappedFile packed = file.part("entry '" + name + "'", entry.data());
        MemorySegment bytes =
                entry.method() == DEFLATED ? inflated(packed, entry.size()) : entry.data();
        int crc = crc(bytes);
        if (crc != entry.crc()) {
            throw packed.malformed(
                    "its CRC-32 is "
                            + Integer.toHexString(crc)
                            + ", expected "
                            + Integer.toHexString(entry.crc())
                            + "; the file is corrupt");
        }
        return new MappedFile(packed.name(), null, bytes.asReadOnly());
    }

    /// As [#find].
    ///
    /// @throws MalformedModelException also if there is no such entry
    public MappedFile get(String name) {
        MappedFile found = find(name);
        if (found == null) {
            throw file.malformed("the archive has no entry '" + name + "'");
        }
        return found;
    }

    private static int crc(MemorySegment bytes) {
        CRC32 crc = new CRC32();
        for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
            crc.update(bytes.asSlice(at, chunk(bytes, at)).asByteBuffer());
        }
        return (int) crc.getValue();
    }

    private static MemorySegment inflated(MappedFile packed, long size) {
        MemorySegment from = packed.bytes();
        MemorySegment to = Arena.ofAuto().allocate(size, 64);
        Inflater inflater = new Inflater(true);
        try {
            long read = 0;
            long written = 0;
            while (true) {
                long n = inflater.inflate(to.asSlice(written, chunk(to, written)).asByteBuffer());
                written += n;
                // Whether full data ends there shows by asking for one byte more.
                if (written == size && inflater.inflate(new byte[1]) > 0) {
                    throw wrongSize(packed, written, "goes on", size);
                }
                if (inflater.finished()) {
                    break;
                }
                if (inflater.needsDictionary()) {
                    throw packed.malformed("it needs a dictionary; the file is corrupt");
                }
                if (n == 0 && inflater.needsInput()) {
                    if (read == from.byteSize()) {
                        throw wrongSize(packed, written, "is cut off", size);
                    }
                    long m = chunk(from, read);
                    inflater.setInput(from.asSlice(read, m).asByteBuffer());
                    read += m;
                }
            }
            if (written != size) {
                throw wrongSize(packed, written, "ends", size);
            }
            if (read - inflater.getRemaining() != from.byteSize()) {
                throw packed.malformed(
                        "its data ends before the "
                                + from.byteSize()
                                + " bytes that its headers give it");
            }
        } catch (DataFormatException e) {
            throw new MalformedModelException(
                    packed.name() + ": it cannot be inflated: " + e.getMessage(), e);
        } finally {
            inflater.end();
        }
        return to;
    }

    private static MalformedModelException wrongSize(
            MappedFile packed, long at, String what, long size) {
        return packed.malformed(
                "its data "
                        + what
                        + " after "
                        + at
                        + " bytes, expected "
                        + size
                        + " as its headers say");
    }

    private static long chunk(MemorySegment of, long at) {
        return Math.min(CHUNK, of.byteSize() - at);
    }
}
