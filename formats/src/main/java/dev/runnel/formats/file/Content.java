package dev.runnel.formats.file;

import java.util.Optional;

/// What a file is, by its first bytes; its name does not matter.
public enum Content {
    EMPTY("is empty"),
    RNL("is a Runnel model (.rnl)"),
    HDF5("is HDF5 (Keras .h5)"),
    /// What is in it says which: PyTorch, NumPy or Keras.
    ZIP("is a ZIP archive (PyTorch .pt, NumPy .npz, Keras .keras)"),
    NPY("is a NumPy array (.npy)"),
    GZIP("is compressed by gzip"),
    PICKLE("is a Python pickle (old PyTorch .pt)"),
    GIT_LFS("is a Git LFS pointer, not the model itself"),
    ORT("is an ONNX Runtime .ort model"),
    TFLITE("is a TensorFlow Lite model"),
    SAFETENSORS("is safetensors"),
    /// None of the above: ONNX, which has no magic number, or something unknown.
    OTHER("is of no format with a magic number");

    private static final int MOST_SPACE = 1024;

    private final String sentence;

    Content(String sentence) {
        this.sentence = sentence;
    }

    /// What messages say of such a file, after `the file`.
    public String sentence() {
        return sentence;
    }

    /// The content of `file`.
    public static Content of(MappedFile file) {
        if (file.size() == 0) {
            return EMPTY;
        }
        return byMagic(file).orElse(OTHER);
    }

    /// Whether the first byte from `offset` on that is no white space goes on with a JSON object.
    private static boolean isQuoteOrBrace(MappedFile file, long offset) {
        for (long at = offset; at < Math.min(file.size(), offset + MOST_SPACE); at++) {
            int c = file.unsignedByte(at);
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
                return c == '"' || c == '}';
            }
        }
        return false;
    }

    private static Optional<Content> byMagic(MappedFile file) {
        if (file.has(0, "\u0089RNL\r\n\u001a\n")) {
            return Optional.of(RNL);
        }
        if (file.has(0, "\u0089HDF")) {
            return Optional.of(HDF5);
        }
        if (file.has(0, "PK\3\4") || file.has(0, "PK\5\6")) {
            return Optional.of(ZIP);
        }
        if (file.has(0, "\u0093NUMPY")) {
            return Optional.of(NPY);
        }
        if (file.has(0, "\u001f\u008b")) {
            return Optional.of(GZIP);
        }
        if (file.has(0, "\u0080") && file.size() > 1 && file.unsignedByte(1) <= 5) {
            return Optional.of(PICKLE);
        }
        if (file.has(0, "version https://git-lfs")) {
            return Optional.of(GIT_LFS);
        }
        if (file.has(4, "ORTM")) {
            return Optional.of(ORT);
        }
        if (file.has(4, "TFL3")) {
            return Optional.of(TFLITE);
        }
        if (file.has(8, "{") && isQuoteOrBrace(file, 9)) {
            return Optional.of(SAFETENSORS);
        }
        return Optional.empty();
    }
}
