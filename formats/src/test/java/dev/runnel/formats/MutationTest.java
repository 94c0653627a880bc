package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Files that are in order, each changed a little in many ways, are read or refused as [FuzzTarget]
/// demands.
@Timeout(60)
class MutationTest {
    private static final int MUTATIONS = 4000;
    private static final byte[] EXTREMES = {0, 1, 2, 7, 8, 0x0a, 0x3a, 0x42, 0x4a, 0x7f, -128, -1};

    @TempDir private Path folder = Path.of("");

    @ParameterizedTest
    @EnumSource
    void files_mutated_areReadOrRefused(FuzzTarget target) throws IOException {
        List<byte[]> seeds = target.seeds();
        Files.write(folder.resolve("m.onnx"), seeds.getFirst()); // external data refers to it
        Random random = new Random(22);
        for (byte[] seed : seeds) {
            assertThat(target.check(seed, folder)).isTrue();
        }
        for (int i = 0; i < MUTATIONS; i++) {
            target.check(mutated(seeds.get(i % seeds.size()), random), folder);
        }
    }

    private static byte[] mutated(byte[] seed, Random random) {
        byte[] b = seed.clone();
        for (int n = 1 + random.nextInt(3); n > 0 && b.length > 1; n--) {
            int at = random.nextInt(b.length);
            switch (random.nextInt(6)) {
                case 0 -> b[at] = (byte) random.nextInt();
                case 1 -> b[at] = EXTREMES[random.nextInt(EXTREMES.length)];
                case 2 -> b[at] ^= (byte) (1 << random.nextInt(8));
                case 3 -> b = Arrays.copyOf(b, at);
                case 4 -> { // a piece is gone
                    int to = Math.min(b.length, at + 1 + random.nextInt(8));
                    byte[] less = Arrays.copyOf(b, b.length - (to - at));
                    System.arraycopy(b, to, less, at, b.length - to);
                    b = less;
                }
                default -> { // a piece comes twice
                    int length = Math.min(b.length - at, 1 + random.nextInt(32));
                    byte[] more = Arrays.copyOf(b, b.length + length);
                    System.arraycopy(b, at, more, at + length, b.length - at);
                    b = more;
                }
            }
        }
        return b;
    }
}
