package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.runnel.formats.file.AtomicFile;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

/// A file is written as a whole or not at all.
class AtomicWriteTest {
    @TempDir Path folder = Path.of("");

    private static final AtomicFile.Check ANY = _ -> {};

    /// Writes half of the file and ends the process, as a kill would.
    static final class Killed {
        public static void main(String[] args) throws IOException {
            AtomicFile.write(
                    Path.of(args[0]),
                    channel -> {
                        channel.write(ByteBuffer.wrap("half of the n".getBytes()));
                        Runtime.getRuntime().halt(9);
                    },
                    ANY);
        }
    }

    /// Is interrupted while it looks at the file.
    static final class Interrupted {
        public static void main(String[] args) throws IOException {
            AtomicFile.write(Path.of(args[0]), text("new"), _ -> System.exit(9));
        }
    }

    private Path old() throws IOException {
        return Files.writeString(folder.resolve("m.rnl"), "old");
    }

    private static AtomicFile.Content text(String text) {
        return channel -> channel.write(ByteBuffer.wrap(text.getBytes()));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private int run(Class<?> main, Path file) throws Exception {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                main.getName(),
                                file.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(new File(folder.toFile(), "log"))
                        .start();
        return process.waitFor();
    }

    @Test
    void killedWrite_leavesTheOldFile() throws Exception {
        Path file = old();
        assertThat(run(Killed.class, file)).isEqualTo(9);
        assertThat(file).hasContent("old");
        assertThat(names()).anyMatch(n -> n.matches("\\.m\\.rnl\\.[0-9a-f]+\\.tmp"));
        AtomicFile.write(file, text("new"), ANY);
        assertThat(file).hasContent("new");
    }

    @Test
    void interruptedWrite_leavesTheOldFile_andNothingElse() throws Exception {
        Path file = old();
        assertThat(run(Interrupted.class, file)).isEqualTo(9);
        assertThat(file).hasContent("old");
        assertThat(names()).containsExactly("log", "m.rnl");
    }

    @Test
    void fileThatFailsItsCheck_doesNotAppear() throws IOException {
        Path file = old();
        AtomicFile.Check check =
                temporary -> {
                    assertThat(temporary).hasContent("new");
                    throw new IOException("no good");
                };
        assertThatThrownBy(() -> AtomicFile.write(file, text("new"), check)).hasMessage("no good");
        assertThat(file).hasContent("old");
        assertThat(names()).containsExactly("m.rnl");
    }

    @Test
    void failedWrite_leavesTheOldFile_andNothingElse() throws IOException {
        Path file = old();
        assertThatThrownBy(
                        () ->
                                AtomicFile.write(
                                        file,
                                        channel -> {
                                            channel.write(ByteBuffer.allocate(100));
                                            throw new IOException("disk full");
                                        },
                                        ANY))
                .hasMessage(file + ": disk full");
        assertThat(file).hasContent("old");
        assertThat(names()).containsExactly("m.rnl");
    }

    @Test
    void write_replacesWhatALinkLeadsTo_andIsNoTemporaryFileLeft() throws IOException {
        Path file = old();
        Path link = Files.createSymbolicLink(folder.resolve("link.rnl"), file);
        AtomicFile.write(link, text("new"), ANY);
        assertThat(file).hasContent("new");
        assertThat(link).isSymbolicLink();
        assertThat(names()).containsExactly("link.rnl", "m.rnl");
    }

    @Test
    void missingFolder_isNamed() {
        Path none = folder.resolve("none");
        Path file = none.resolve("m.rnl");
        assertThatThrownBy(() -> AtomicFile.write(file, text("new"), ANY))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(file + ": there is no folder " + none);
    }

    @Test
    void linkToNowhere_isRefused() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link.rnl"), folder.resolve("none"));
        assertThatThrownBy(() -> AtomicFile.write(link, text("new"), ANY))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(
                        link + ": is a link to " + folder.resolve("none") + ", which is not there");
        assertThat(link).isSymbolicLink();
        assertThat(names()).containsExactly("link.rnl");
    }

    @Test
    void permissions_areThoseOfAnyNewFile() throws IOException {
        assumeTrue(
                folder.getFileSystem().supportedFileAttributeViews().contains("posix"),
                "no permission bits here");
        Path usual = Files.createFile(folder.resolve("usual"));
        Path file = folder.resolve("m.rnl");
        AtomicFile.write(file, text("new"), ANY);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo(PosixFilePermissions.toString(Files.getPosixFilePermissions(usual)))
                .isNotEqualTo("rw-------");
    }

    @Test
    void folder_isRefused() {
        assertThatThrownBy(() -> AtomicFile.write(folder, text("new"), ANY))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(folder + ": not a regular file");
    }
}
