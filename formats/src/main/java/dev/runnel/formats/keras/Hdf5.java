package dev.runnel.formats.keras;

import dev.runnel.MalformedModelException;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.Tensor;

import io.jhdf.HdfFile;
import io.jhdf.api.Attribute;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import io.jhdf.api.Node;
import io.jhdf.api.NodeType;
import io.jhdf.exceptions.UnsupportedHdfException;
import io.jhdf.object.datatype.StringData;
import io.jhdf.object.datatype.VariableLength;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What an HDF5 file holds: numeric datasets as tensors, and the attributes that are text.
///
/// It is read by jhdf, from the mapping only: no other file is ever opened. Links but hard ones,
/// virtual datasets and data in other files are refused. Whatever jhdf makes of bad bytes becomes
/// one of the documented exceptions; what it would allocate is checked against the file's size
/// first.
///
/// @param tensors datasets by path without the leading slash, in the file's order
/// @param texts attributes of groups and datasets: path, then name, then the strings in it
record Hdf5(Map<String, Tensor> tensors, Map<String, Map<String, List<String>>> texts) {
    private static final int MAX_DEPTH = 64;

    /// Reads all of `file` but the elements, which stay where they are if they are stored in one
    /// piece.
    ///
    /// @throws MalformedModelException if the file is not well-formed
    /// @throws UnsupportedModelException if it holds what Runnel does not read, or jhdf is missing
    static Hdf5 read(MappedFile file) {
        // jhdf takes the file as one buffer.
        if (file.size() > Integer.MAX_VALUE) {
            throw file.unsupported(
                    "the HDF5 file has " + file.size() + " bytes, expected at most 2147483647");
        }
        try {
            return new Reader(file).read();
        } catch (NoClassDefFoundError e) {
            throw file.unsupported(
                    "reading HDF5 needs the library io.jhdf:jhdf (0.11.0), which is not there; add"
                            + " it to the application's dependencies ("
                            + e.getMessage()
                            + " is missing)");
        } catch (MalformedModelException | UnsupportedModelException e) {
            throw e;
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            throw refused(file, e);
        }
    }

    /// The attribute `name` of `path`: its first string, or `otherwise` if it has none.
    String text(String path, String name, String otherwise) {
        List<String> all = texts(path, name);
        return all.isEmpty() ? otherwise : all.getFirst();
    }

    /// The strings of the attribute `name` of `path`. HDF5 bounds an attribute's size, so Keras
    /// writes long lists as `name0`, `name1`, …
    List<String> texts(String path, String name) {
        Map<String, List<String>> of = texts.getOrDefault(path, Map.of());
        List<String> whole = of.get(name);
        if (whole != null) {
            return whole;
        }
        List<String> all = new ArrayList<>();
        for (int i = 0; of.containsKey(name + i); i++) {
            all.addAll(of.get(name + i));
        }
        return all;
    }

    private static RuntimeException refused(MappedFile file, Throwable e) {
        Throwable root = e;
        boolean unsupported = false;
        for (int i = 0; i < 20 && root.getCause() != null; i++) {
            root = root.getCause();
            unsupported |= root instanceof UnsupportedHdfException;
        }
        String name = root.getClass().getSimpleName();
        String why = root.getMessage() == null ? name : root.getMessage();
        String what = "the HDF5 structure cannot be read: " + why;
        return unsupported
                ? file.unsupported(what)
                : new MalformedModelException(file.name() + ": " + what, e);
    }

    private static final class Reader {
        private final MappedFile file;
        private final Map<String, Tensor> tensors = new LinkedHashMap<>();
        private final Map<String, Map<String, List<String>>> texts = new LinkedHashMap<>();
        private final Set<Long> groups = new HashSet<>();
        private long copied;

        Reader(MappedFile file) {
            this.file = file;
        }

        @SuppressWarnings("try") // nothing is open: the file is a buffer
        Hdf5 read() {
            try (HdfFile hdf = HdfFile.fromByteBuffer(file.bytes().asByteBuffer())) {
                if (hdf.getUserBlockSize() != 0) {
                    throw file.unsupported("HDF5 with a user block is not supported");
                }
                walk(hdf, "", 0);
            }
            return new Hdf5(tensors, texts);
        }

        private void walk(Group group, String path, int depth) {
            if (depth > MAX_DEPTH) {
                throw file.malformed("groups nest more than " + MAX_DEPTH + " deep");
            }
            if (!groups.add(group.getAddress())) {
                throw file.malformed(
                        "group '" + path + "' is reached by two links, expected a tree of groups");
            }
            HdfTrees.check(file, group);
            readTexts(group, path);
            for (Map.Entry<String, Node> child : group.getChildren().entrySet()) {
                String name = path.isEmpty() ? child.getKey() : path + "/" + child.getKey();
                Node node = child.getValue();
                if (node.isLink()) {
                    throw file.unsupported(
                            "'" + name + "' is a soft or external link, expected data in the file");
                }
                if (node instanceof Group g) {
                    walk(g, name, depth + 1);
                } else if (node instanceof Dataset d) {
                    readTexts(d, name);
                    HdfData data = new HdfData(file, name, d);
                    copied += data.copiedBytes();
                    if (copied > HdfData.MAX_RATIO * file.size()) {
                        throw file.malformed(
                                "dataset '" + name + "' takes more bytes than the file can hold");
                    }
                    tensors.put(name, data.tensor());
                } else if (node.getType() != NodeType.COMMITTED_DATATYPE) {
                    throw file.unsupported("'" + name + "' is neither a group nor a dataset");
                }
            }
        }

        private void readTexts(Node node, String path) {
            for (Attribute a : node.getAttributes().values()) {
                boolean isText =
                        a.getDataType() instanceof StringData
                                || (a.getDataType() instanceof VariableLength v
                                        && v.isVariableLengthString());
                if (!isText || a.isEmpty()) {
                    continue;
                }
                // Eight bytes are the least that a string of an array takes.
                if (a.getSize() > file.size() || a.getSizeInBytes() > file.size()) {
                    throw file.malformed(
                            "attribute '" + a.getName() + "' of '" + path + "' is cut off");
                }
                List<String> strings = new ArrayList<>();
                flatten(a.getData(), strings);
                texts.computeIfAbsent(path, p -> new LinkedHashMap<>()).put(a.getName(), strings);
            }
        }

        private static void flatten(Object data, List<String> to) {
            if (data instanceof String s) {
                to.add(s);
            } else if (data instanceof Object[] all) {
                for (Object o : all) {
                    flatten(o, to);
                }
            }
        }
    }
}
