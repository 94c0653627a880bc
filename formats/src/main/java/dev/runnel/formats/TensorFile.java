package dev.runnel.formats;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.npy.Npy;
import dev.runnel.formats.onnx.OnnxReader;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.nio.file.Path;

/// Files of one tensor: ONNX `TensorProto` (`.pb`) and NumPy `.npy`, told apart by content.
public final class TensorFile {
    private TensorFile() {}

    /// The tensor in `file`. Its bytes are a slice of the mapped file where they lie as a [Tensor]
    /// has them, else a copy.
    ///
    /// @throws MalformedModelException if the file is truncated or contradicts itself
    /// @throws UnsupportedModelException if its elements are of a type that Runnel does not have
    /// @throws IOException if it cannot be opened
    public static Tensor read(Path file) throws IOException {
        MappedFile mapped = MappedFile.open(file);
        if (mapped.size() == 0) {
            throw mapped.malformed("the file is empty, expected .npy or an ONNX tensor (.pb)");
        }
        return Npy.isNpy(mapped) ? Npy.read(mapped) : OnnxReader.readTensor(mapped);
    }

    /// The name that the tensor in `file` gives itself; empty if it has none, as in `.npy`.
    ///
    /// @throws MalformedModelException if the file is not well-formed
    /// @throws IOException if it cannot be opened
    public static String name(Path file) throws IOException {
        MappedFile mapped = MappedFile.open(file);
        return Npy.isNpy(mapped) ? "" : OnnxReader.tensorName(mapped);
    }

    /// Writes `tensor` to `file` as `.npy`, version 1.0, C order, little-endian. NumPy has no
    /// bfloat16: such a tensor is written as float32, which holds it exactly.
    ///
    /// @throws IOException if it cannot be written
    public static void writeNpy(Path file, Tensor tensor) throws IOException {
        Npy.write(file, tensor);
    }
}
