package dev.runnel.formats.file;

import java.lang.foreign.MemorySegment;

/// One entry of a [ZipArchive].
///
/// @param name its full name, with `/` between folders
/// @param method how it is packed: 0 stored, 8 deflated
/// @param crc the CRC-32 of its bytes, unpacked
/// @param size the number of its bytes, unpacked
/// @param data its bytes as they lie in the file, packed
record ZipEntry(String name, int method, int crc, long size, MemorySegment data) {}
