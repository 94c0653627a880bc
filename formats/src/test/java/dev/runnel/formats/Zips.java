package dev.runnel.formats;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Makes archives.
public final class Zips {
    private Zips() {}

    /// An archive of these entries.
    ///
    /// @param method [ZipOutputStream#STORED] or [ZipOutputStream#DEFLATED]
    /// @param namesAndBytes a [String] and a `byte[]` for each entry
    public static byte[] zip(int method, Object... namesAndBytes) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (int i = 0; i < namesAndBytes.length; i += 2) {
                byte[] content = (byte[]) namesAndBytes[i + 1];
                ZipEntry entry = new ZipEntry((String) namesAndBytes[i]);
                entry.setMethod(method);
                entry.setSize(content.length);
                entry.setCrc(crc(content));
                zip.putNextEntry(entry);
                zip.write(content);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /// The CRC-32 of these bytes.
    public static long crc(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }
}
