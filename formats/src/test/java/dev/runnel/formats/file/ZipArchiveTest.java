package dev.runnel.formats.file;

import static dev.runnel.formats.Zips.crc;
import static dev.runnel.formats.Zips.zip;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.ZipOutputStream;

/// Archives as others write them are read; those that lie are refused, in these words.
class ZipArchiveTest {
    private static final byte[] HELLO = "hello, hello, hello".getBytes(StandardCharsets.UTF_8);

    @Test
    void stored_isASliceOfTheFile() {
        MappedFile file = file(zip(ZipOutputStream.STORED, "a/b", HELLO, "é", new byte[0]));
        ZipArchive zip = ZipArchive.open(file);
        assertThat(zip.names()).containsExactly("a/b", "é");
        MappedFile entry = zip.get("a/b");
        assertThat(entry.name()).isEqualTo("m.zip: entry 'a/b'");
        assertThat(bytes(entry)).isEqualTo(HELLO);
        assertThat(entry.bytes().address() - file.bytes().address()).isEqualTo(30 + 3);
        assertThat(bytes(zip.get("é"))).isEmpty();
        assertThat(zip.find("b")).isNull();
    }

    @Test
    void deflated_isInflated() {
        byte[] large = new byte[1 << 20];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * i >> 7);
        }
        ZipArchive zip =
                ZipArchive.open(
                        file(
                                zip(
                                        ZipOutputStream.DEFLATED,
                                        "a",
                                        HELLO,
                                        "b",
                                        large,
                                        "c",
                                        new byte[0])));
        assertThat(bytes(zip.get("a"))).isEqualTo(HELLO);
        assertThat(bytes(zip.get("b"))).isEqualTo(large);
        assertThat(bytes(zip.get("c"))).isEmpty();
    }

    @Test
    void zip64_isRead() {
        assertThat(bytes(ZipArchive.open(file(zip64())).get("w"))).isEqualTo(HELLO);
        refused(
                "the archive's end records contradict each other: 1 and 2 at byte 161",
                with(zip64(), 161, 2));
        refused("the archive's ZIP64 end record is not where it should be", with(zip64(), 193, 3));
    }

    @Test
    void truncated_isMalformed() {
        byte[] zip = zip(ZipOutputStream.STORED, "a", HELLO);
        refused(
                "the archive has no end record; the file is truncated",
                Arrays.copyOf(zip, zip.length - 1));
        refused(
                "the archive's directory is said to have 47 bytes at byte 50, expected it to end at"
                        + " byte 96; the file is truncated or corrupt",
                without(zip, 40));
    }

    @Test
    void entry_thatTheHeadersDescribeDifferently_isMalformed() {
        byte[] zip = zip(ZipOutputStream.STORED, "a", HELLO);
        String different = "entry 'a' is described differently in the directory and at byte 0";
        refused(different, with(zip, 30, 'b'));
        refused(different, with(zip, 18, 7));
        refused(different, with(zip, 14, ~zip[14]));
        refused("entry 'a' is not at byte 1, where it should be", with(zip, 50 + 42, 1));
    }

    @Test
    void entry_withLyingSizes_isMalformed() {
        byte[] zip = zip(ZipOutputStream.STORED, "a", HELLO);
        refused(
                "entry 'a' has 19 bytes in the archive and 20 unpacked, which cannot be",
                with(with(zip, 22, 20), 50 + 24, 20));
        refused(
                "entry 'a' has 20 bytes at byte 31, past byte 50, where the directory begins",
                with(with(with(with(zip, 18, 20), 22, 20), 50 + 20, 20), 50 + 24, 20));
        byte[] packed = zip(ZipOutputStream.DEFLATED, "a", HELLO);
        int directory = directory(packed);
        refused(
                "entry 'a': its data goes on after 18 bytes, expected 18 as its headers say",
                with(packed, directory + 24, 18));
        refused(
                "entry 'a': its data ends after 19 bytes, expected 20 as its headers say",
                with(packed, directory + 24, 20));
    }

    @Test
    void entry_thatIsCorrupt_isMalformed() {
        refused(
                "entry 'a': its CRC-32 is 2f4ed78b, expected 9caa19f; the file is corrupt",
                with(zip(ZipOutputStream.STORED, "a", HELLO), 31, 'H'));
        byte[] packed = zip(ZipOutputStream.DEFLATED, "a", HELLO);
        refused("entry 'a': it cannot be inflated: invalid block type", with(packed, 31, 7));
    }

    @Test
    void bomb_isMalformed() {
        byte[] bomb = zip(ZipOutputStream.DEFLATED, "a", new byte[100 << 20]);
        refused(
                "the archive of "
                        + bomb.length
                        + " bytes inflates to 104857600, expected at most 67108864; it looks like a"
                        + " ZIP bomb",
                bomb);
        byte[] overlapping = zip(ZipOutputStream.STORED, "a", HELLO, "b", HELLO);
        int second = directory(overlapping) + 47;
        overlapping[31 + 19 + 30] = 'a'; // so that the headers agree
        refused("entry 'a' is there twice", with(overlapping, second + 46, 'a'));
        overlapping = with(zip(ZipOutputStream.STORED, "a", nested(), "b", HELLO), 0, 'P');
        second = directory(overlapping) + 47;
        refused("entries 'a' and 'b' lie in the same bytes", with(overlapping, second + 42, 31));
    }

    /// The bytes of an entry `b` of its own.
    private static byte[] nested() {
        byte[] zip = zip(ZipOutputStream.STORED, "b", HELLO);
        return Arrays.copyOf(zip, 31 + HELLO.length);
    }

    @Test
    void entry_encryptedOrOfAnotherMethod_isUnsupported() {
        byte[] zip = zip(ZipOutputStream.STORED, "a", HELLO);
        assertThatThrownBy(() -> ZipArchive.open(file(with(zip, 50 + 8, 9))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("m.zip: entry 'a' is encrypted");
        assertThatThrownBy(() -> ZipArchive.open(file(with(zip, 50 + 10, 12))))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "m.zip: entry 'a' is packed by method 12, expected 0 (stored) or 8"
                                + " (deflated)");
    }

    // ---- making and breaking archives

    private static void refused(String message, byte[] zip) {
        assertThatThrownBy(
                        () -> {
                            ZipArchive archive = ZipArchive.open(file(zip));
                            archive.names().forEach(archive::get);
                        })
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("m.zip: " + message);
    }

    /// An archive of one entry that uses ZIP64 wherever it can.
    private static byte[] zip64() {
        ByteBuffer b = ByteBuffer.allocate(300).order(ByteOrder.LITTLE_ENDIAN);
        int crc = (int) crc(HELLO);
        b.put(ascii("PK\3\4")).putShort((short) 45).putInt(0).putInt(0).putInt(crc);
        b.putInt(-1).putInt(-1).putShort((short) 1).putShort((short) 20).put((byte) 'w');
        b.putShort((short) 1).putShort((short) 16).putLong(19).putLong(19).put(HELLO);
        int directory = b.position();
        b.put(ascii("PK\1\2")).putInt(45).putInt(0).putInt(0).putInt(crc).putInt(-1).putInt(19);
        b.putShort((short) 1).putShort((short) 12).putShort((short) 0).putShort((short) 0);
        b.putShort((short) 0).putInt(0).putInt(0).put((byte) 'w');
        b.putShort((short) 1).putShort((short) 8).putLong(19);
        int end = b.position();
        b.put(ascii("PK\6\6")).putLong(44).putInt(45).putInt(0).putInt(0).putLong(1).putLong(1);
        b.putLong(end - directory).putLong(directory);
        b.put(ascii("PK\6\7")).putInt(0).putLong(end).putInt(1);
        b.put(ascii("PK\5\6")).putInt(0).putShort((short) 1).putShort((short) 1);
        b.putInt(end - directory).putInt(-1).putShort((short) 0);
        return Arrays.copyOf(b.array(), b.position());
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static int directory(byte[] zip) {
        return ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN).getInt(zip.length - 6);
    }

    private static byte[] with(byte[] bytes, int at, int value) {
        byte[] b = bytes.clone();
        b[at] = (byte) value;
        return b;
    }

    private static byte[] without(byte[] bytes, int at) {
        byte[] b = Arrays.copyOf(bytes, bytes.length - 1);
        System.arraycopy(bytes, at + 1, b, at, b.length - at);
        return b;
    }

    private static MappedFile file(byte[] bytes) {
        MemorySegment segment = Arena.ofAuto().allocate(bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return MappedFile.of("m.zip", segment);
    }

    private static byte[] bytes(MappedFile file) {
        return file.bytes().toArray(ValueLayout.JAVA_BYTE);
    }
}
