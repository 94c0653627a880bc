package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/// HDF5 that Keras does not write.
@Timeout(120)
class HostileKerasTest {
    @TempDir private Path folder = Path.of("");

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "external_link | U | 'weights' is a soft or external link, expected data in the"
                        + " file",
                "soft_link | U | 'b' is a soft or external link, expected data in the file",
                "cyclic | M | group 'g/again' is reached by two links, expected a tree of groups",
                "deep | M | groups nest more than 64 deep",
                "external_data | U | the HDF5 structure cannot be read: Encountered External Data",
                "virtual | U | the HDF5 structure cannot be read: Virtual storage is not supported",
                "compound | U | dataset 'w' has elements of type CompoundDataType of 8 bytes",
                "reference | U | dataset 'w' has elements of type Reference of 8 bytes",
                "strings | U | dataset 'w' has elements of type VariableLength of 16 bytes",
                "lzf | U | dataset 'w' is packed by filter 32000 (lzf), expected deflate, shuffle",
                "huge | M | dataset 'w' takes 4294967296 bytes in chunks of 4194304, more than its"
                        + " 0",
                "unwritten | M | dataset 'w' has 4194304 bytes at -1, expected them within the"
                        + " file's",
                "user_block | M | the file is of no format with a magic number, expected weights",
            })
    void file_isRefused(String name, String kind, String message) {
        assertThatThrownBy(() -> Checkpoint.read(KerasTest.file("odd_" + name + ".h5")))
                .isInstanceOf(
                        kind.equals("U")
                                ? UnsupportedModelException.class
                                : MalformedModelException.class)
                .hasMessageStartingWith("odd_" + name + ".h5: " + message);
    }

    @Test
    void storage_ofEveryKind_isRead() throws IOException {
        Map<String, Tensor> t = Checkpoint.read(KerasTest.file("odd_stored.h5")).tensors();
        float[] want = new float[24];
        for (int i = 0; i < want.length; i++) {
            want[i] = i;
        }
        for (String name : "deflated chunked big_endian big_endian_chunked compact".split(" ")) {
            assertThat(t.get(name).toFloats()).as(name).containsExactly(want);
        }
        for (String name : "f2 f8 i1 i2 i4 i8 u1 u2 u4 u8".split(" ")) {
            assertThat(t.get(name).toFloats()).as(name).containsExactly(1, 2, 3);
        }
        assertThat(t.get("bool").toLongs()).containsExactly(1, 0);
        assertThat(t.get("scalar").toFloats()).containsExactly(7);
        assertThat(t.get("empty").elements()).isZero();
        Map<String, Tensor> latest = Checkpoint.read(KerasTest.file("odd_latest.h5")).tensors();
        assertThat(latest).hasSize(22);
        assertThat(latest.get("one_chunk").toFloats()).containsExactly(want);
    }

    @ParameterizedTest
    @ValueSource(strings = {"keras2.h5", "odd_stored.h5", "odd_latest.h5"})
    void file_mutated_isReadOrRefused(String name) throws IOException {
        byte[] seed = Files.readAllBytes(KerasTest.file(name));
        Random random = new Random(7);
        for (int i = 0; i < 300; i++) {
            byte[] b = seed.clone();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                int at = random.nextInt(b.length);
                switch (random.nextInt(4)) {
                    case 0 -> b[at] = (byte) random.nextInt();
                    case 1 -> b[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> Arrays.fill(b, at & ~7, Math.min(b.length, (at & ~7) + 8), (byte) -1);
                    default -> b = Arrays.copyOf(b, Math.max(16, at));
                }
            }
            Path file = Files.write(folder.resolve("m.h5"), b);
            try {
                Checkpoint.read(file);
                Models.read(file);
            } catch (MalformedModelException | UnsupportedModelException e) {
                assertThat(e).hasMessageStartingWith("m.h5: ");
            }
        }
    }
}
