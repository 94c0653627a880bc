package dev.runnel.formats.npy;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// NumPy's `.npz`: a ZIP archive of `.npy` files, whose names without the ending are the arrays'.
///
/// Arrays of text, such as labels, stand beside weights and are none: they are left out, and
/// `left_out` in the metadata says which. Arrays of objects are pickles, which are not run; they
/// may hold the weights themselves, so they are refused.
///
/// Source: `numpy/lib/_npyio_impl.py` of NumPy 2.3.
public final class Npz {
    private static final String ENDING = ".npy";

    private Npz() {}

    /// Whether `zip` holds arrays.
    public static boolean isNpz(ZipArchive zip) {
        return zip.names().stream().anyMatch(name -> name.endsWith(ENDING));
    }

    /// The arrays in `zip`: slices of the file where they are stored as a tensor lies, else copies.
    ///
    /// @throws dev.runnel.MalformedModelException if an entry is not well-formed
    /// @throws dev.runnel.UnsupportedModelException if an array holds objects, or elements that are
    ///   neither text nor of a type that Runnel has
    public static Checkpoint read(MappedFile file, ZipArchive zip) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        List<String> leftOut = new ArrayList<>();
        for (String name : zip.names()) {
            MappedFile array = zip.get(name);
            if (!name.endsWith(ENDING) || !Npy.isNpy(array)) {
                throw array.malformed("it is no NumPy array, expected nothing else in a .npz");
            }
            String plain = name.substring(0, name.length() - ENDING.length());
            if (Npy.isText(array)) {
                leftOut.add(plain);
            } else {
                tensors.put(plain, Npy.read(array));
            }
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "NumPy .npz");
        if (!leftOut.isEmpty()) {
            metadata.put("left_out", String.join(", ", leftOut));
        }
        return new Checkpoint(file.name(), tensors, metadata);
    }
}
