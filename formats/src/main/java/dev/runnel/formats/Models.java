package dev.runnel.formats;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.AtomicFile;
import dev.runnel.formats.file.Content;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.ZipArchive;
import dev.runnel.formats.keras.KerasFile;
import dev.runnel.formats.onnx.OnnxReader;
import dev.runnel.formats.onnx.OnnxWriter;
import dev.runnel.formats.rnl.RnlReader;
import dev.runnel.formats.rnl.RnlWriter;
import dev.runnel.graph.Graph;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;

/// Reads model files as [Graph]s, and writes them. A file is known by its content, whatever its
/// name.
///
/// The file is mapped, and the constants of the graph are slices of the mapping: reading costs
/// little time and almost no heap, and the file must not be changed while the graph is in use. It
/// is unmapped when neither the graph nor any of its tensors can be reached.
public final class Models {
    private static final String EXPECTED = ", expected a model (.rnl, ONNX, Keras)";

    private Models() {}

    /// The model in `file`: `.rnl`, or ONNX of operator set 1 to 27; `docs/formats.md` says which
    /// operators are supported.
    ///
    /// @throws MalformedModelException if the file is of no known format, truncated, or contradicts
    ///   itself; the message names the file and the place
    /// @throws UnsupportedModelException if it uses what Runnel does not have
    /// @throws IOException if it, or a file with its data, cannot be opened
    public static Graph read(Path file) throws IOException {
        return read(MappedFile.open(file));
    }

    /// The model in `bytes`, such as a resource of a jar; they must not be changed while the graph
    /// is in use.
    ///
    /// @param name stands for the file's name in messages
    /// @throws MalformedModelException as [#read(Path)]
    /// @throws UnsupportedModelException as [#read(Path)], and if the model's data is in other
    ///   files
    public static Graph read(String name, MemorySegment bytes) {
        try {
            return read(MappedFile.of(name, bytes));
        } catch (IOException e) {
            throw new UncheckedIOException("memory was read, not a file", e);
        }
    }

    /// Looks at a file that was written, before it appears.
    @FunctionalInterface
    public interface Check {
        /// What is thrown keeps the file from appearing, and leaves the old one.
        ///
        /// @param written the graph as it was read back
        /// @param bytes the file's size
        void accept(Graph written, long bytes) throws IOException;
    }

    /// Writes `graph` as what the ending of the file's name says: `.rnl`, or `.onnx` for ONNX of
    /// operator set [Graph#OPSET]. The file appears as a whole or not at all: whenever the process
    /// ends, there is either the old one or the whole new one.
    ///
    /// @throws IllegalArgumentException if the name ends otherwise, or if the format cannot hold
    ///   the graph: ONNX files have at most 2 GB
    /// @throws UnsupportedModelException if ONNX is asked for and the graph has an operator that is
    ///   Runnel's own and cannot be written in the vocabulary of ONNX, such as an LSTM with both
    ///   projection and peepholes
    /// @throws IOException if it cannot be written
    public static void write(Graph graph, Path file) throws IOException {
        AtomicFile.write(file, content(graph, file), _ -> {});
    }

    /// As [#write(Graph, Path)], if `check` finds nothing wrong.
    ///
    /// @throws IOException if it cannot be written or read back, or `check` says so
    public static void write(Graph graph, Path file, Check check) throws IOException {
        AtomicFile.write(
                file,
                content(graph, file),
                temporary -> {
                    MappedFile written = MappedFile.open(temporary);
                    String name = String.valueOf(file.getFileName());
                    check.accept(
                            read(new MappedFile(name, written.folder(), written.bytes())),
                            written.size());
                });
    }

    private static AtomicFile.Content content(Graph graph, Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".rnl")) {
            return RnlWriter.content(graph);
        }
        if (name.endsWith(".onnx")) {
            return OnnxWriter.content(graph);
        }
        throw new IllegalArgumentException(
                "cannot tell what to write to '" + file + "'; its name must end in .rnl or .onnx");
    }

    static Graph read(MappedFile file) throws IOException {
        Content content = Content.of(file);
        // One line for each format: its reader is in a package of its own.
        return switch (content) {
            case RNL -> RnlReader.read(file);
            case OTHER -> onnx(file);
            case HDF5 -> KerasFile.ofHdf5(file).graph();
            case ZIP -> archive(file);
            case PICKLE, SAFETENSORS -> throw weightsOnly(file);
            default -> throw file.malformed("the file " + content.sentence() + EXPECTED);
        };
    }

    private static Graph archive(MappedFile file) {
        ZipArchive zip = ZipArchive.open(file);
        if (KerasFile.isKeras(zip)) {
            return KerasFile.ofArchive(file, zip).graph();
        }
        throw weightsOnly(file);
    }

    private static UnsupportedModelException weightsOnly(MappedFile file) {
        return file.unsupported(
                "the file "
                        + Content.of(file).sentence()
                        + " and holds weights, not a graph: runnel convert --suggest-recipe "
                        + file.name()
                        + " writes a recipe");
    }

    private static Graph onnx(MappedFile file) throws IOException {
        if (!OnnxReader.mayBeModel(file)) {
            int n = (int) Math.min(8, file.size());
            byte[] head = file.bytes().asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
            throw file.malformed(
                    "the file begins with "
                            + HexFormat.ofDelimiter(" ").formatHex(head)
                            + EXPECTED);
        }
        return OnnxReader.readModel(file);
    }
}
