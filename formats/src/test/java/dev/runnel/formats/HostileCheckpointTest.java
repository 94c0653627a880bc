package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipOutputStream;

/// Files of weights that are wrong, and the very words in which they are refused.
@Timeout(60)
class HostileCheckpointTest extends HostileWeights {
    // ---- the older stream

    @Test
    void stream_thatIsBroken_isRefused() throws IOException {
        byte[] whole =
                Files.readAllBytes(
                        Path.of("src/test/resources/dev/runnel/formats/checkpoint/lstm_stream.pt"));
        malformed("storage '", "' is cut off at byte ", Arrays.copyOf(whole, whole.length - 1));
        malformed(
                "the file has 1 bytes after its last storage",
                Arrays.copyOf(whole, whole.length + 1));
        unsupported(
                "the file is a Python pickle, but not one of PyTorch's", latin1("\u0080\2K\1."));
        for (int n = 2; n < whole.length; n++) {
            byte[] cut = Arrays.copyOf(whole, n);
            assertThatThrownBy(() -> read(cut)).isInstanceOf(MalformedModelException.class);
        }
    }

    // ---- safetensors

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'w':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 7 | the file has 7 bytes"
                        + " of tensors, expected 8 as its header says; the file is truncated or"
                        + " corrupt",
                "{'w':{'dtype':'F32','shape':[2],'data_offsets':[1,9]}} | 9 | tensor 'w' has"
                        + " data_offsets [1, 9], expected [0, 8] for float32[2] after the tensors"
                        + " before it",
                "{'w':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'v':{'dtype':'U8','shape':[4],'data_offsets':[2,6]}}"
                    + " | 6 | tensor 'v' has data_offsets [2, 6], expected [4, 8] for uint8[4]"
                    + " after the tensors before it",
                "{'w':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | 8 | tensor 'w' has"
                        + " data_offsets [0, 8], expected [0, 12] for float32[3] after the tensors"
                        + " before it",
                "{'w':{'dtype':'U8','shape':[0],'data_offsets':[0,0]},"
                        + "'w':{'dtype':'U8','shape':[0],'data_offsets':[0,0]}} | 0 | the file has"
                        + " two tensors named 'w'",
                "{'w':{'dtype':'U8','shape':[-1],'data_offsets':[0,0]}} | 0 | tensor 'w': shape"
                        + " [-1] has a negative dimension",
                "{'w':{'dtype':'U8','shape':['1'],'data_offsets':[0,1]}} | 1 | tensor 'w': shape"
                        + " has VALUE_STRING in the header, expected VALUE_NUMBER_INT",
                "{'w':{'dtype':'U8','shape':[1]}} | 1 | tensor 'w' lacks one of dtype, shape and"
                        + " two data_offsets",
                "{'w':[]} | 0 | tensor 'w' has START_ARRAY in the header, expected START_OBJECT",
                "{'w':{'x':1}} | 0 | tensor 'w' has 'x', which is not known",
                "{'__metadata__':{'x':1}} | 0 | __metadata__ 'x' has VALUE_NUMBER_INT in the"
                        + " header, expected VALUE_STRING",
                "{'w':{'shape':[[[[[]]]]]}} | 0 | tensor 'w': shape has START_ARRAY in the header,"
                        + " expected VALUE_NUMBER_INT",
                "{}{} | 0 | the header has something after its last brace",
            })
    void safetensors_thatIsBroken_isMalformed(String header, int bytes, String message) {
        malformed(message, safetensors(header, bytes));
    }

    @Test
    void safetensors_ofOtherTypes_isUnsupported() {
        unsupported(
                "tensor 'w' has elements of type F8_E4M3, which Runnel does not have",
                safetensors("{'w':{'dtype':'F8_E4M3','shape':[1],'data_offsets':[0,1]}}", 1));
    }

    @Test
    void safetensors_withWhiteSpaceInTheHeader_isRead() throws IOException {
        assertThat(((Checkpoint) read(safetensors("{\n\t }", 0))).tensors()).isEmpty();
        Object read =
                read(safetensors("{\r\n 'w':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}", 1));
        assertThat(((Checkpoint) read).tensors()).containsOnlyKeys("w");
    }

    @Test
    void safetensors_withALyingHeader_isMalformed() {
        byte[] file = safetensors("{}", 0);
        file[0] = 3;
        malformed(
                "the header is said to have 3 bytes, expected 2 to 2; the file is truncated or"
                        + " corrupt",
                file);
        file[7] = -1;
        malformed(
                "the header is said to have 18374686479671623683 bytes, expected 2 to 2; the file"
                        + " is truncated or corrupt",
                file);
        refusedStartingWith("the header is no JSON at byte ", safetensors("{'w", 0));
        refusedStartingWith(
                "the header is no JSON at byte ",
                safetensors(
                        "{'w':{'dtype':'U8','shape':[99999999999999999999],'data_offsets':[0,1]}}",
                        1));
    }

    @Test
    void library_thatIsMissing_isNamed() throws Exception {
        List<URL> withoutJackson = new ArrayList<>();
        for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!place.contains("jackson")) {
                withoutJackson.add(Path.of(place).toUri().toURL());
            }
        }
        Path file = Files.write(folder.resolve("w.pt"), safetensors("{}", 0));
        try (URLClassLoader loader =
                new URLClassLoader(
                        withoutJackson.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Method read =
                    loader.loadClass(Checkpoint.class.getName()).getMethod("read", Path.class);
            assertThatThrownBy(() -> read.invoke(null, file))
                    .rootCause()
                    .hasMessage(
                            "w.pt: the file is safetensors, which is read with the library"
                                    + " com.fasterxml.jackson.core:jackson-core; add it to the"
                                    + " class path or module path");
        }
    }

    // ---- archives of other things

    @Test
    void npz_withOtherThings_isRefused() {
        malformed(
                "the file is a ZIP archive, but none of PyTorch, NumPy or Keras",
                Zips.zip(ZipOutputStream.STORED, "a.txt", new byte[1]));
        malformed(
                "entry 'a.npy': it is no NumPy array, expected nothing else in a .npz",
                Zips.zip(ZipOutputStream.STORED, "a.npy", new byte[1]));
        unsupported(
                "entry 'a.npy': the array has Python objects for elements, a pickle that is not"
                        + " run; save arrays of numbers",
                npz("|O", "(1,)", 8));
        unsupported(
                "entry 'a.npy': the array has elements of type '<c16', which Runnel does not have",
                npz("<c16", "(1,)", 16));
        malformed(
                "entry 'a.npy': the array has 7 bytes of elements, expected 8 for float64[1]",
                npz("<f8", "(1,)", 7));
        malformed(
                "entry 'a.npy': the array has 4 as element 0, expected 0 or 1 for bool",
                npz("|b1", "(1,)", new byte[] {4}));
    }

    @Test
    void archive_ofWeights_isSaidToNeedARecipe() throws IOException {
        Path file = Files.write(folder.resolve("w.npz"), npz("<f8", "(1,)", 8));
        assertThatThrownBy(() -> Models.read(file))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "w.npz: the file is a ZIP archive (PyTorch .pt, NumPy .npz, Keras .keras)"
                                + " and holds weights, not a graph: runnel convert"
                                + " --suggest-recipe w.npz writes a recipe");
    }

    // ---- making files

    private static byte[] npz(String descr, String shape, int bytes) {
        return npz(descr, shape, new byte[bytes]);
    }

    private static byte[] npz(String descr, String shape, byte[] elements) {
        String header =
                "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
        byte[] head = latin1("\u0093NUMPY\1\0" + (char) header.length() + "\0" + header);
        byte[] npy = Arrays.copyOf(head, head.length + elements.length);
        System.arraycopy(elements, 0, npy, head.length, elements.length);
        return Zips.zip(ZipOutputStream.DEFLATED, "a.npy", npy);
    }

    private static byte[] safetensors(String header, int bytes) {
        byte[] text = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length + bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length)
                .put(text)
                .array();
    }
}
