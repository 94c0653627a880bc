package dev.runnel.formats.pytorch;

import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a pickle holds, by name: dicts in dicts make `model.encoder.weight`, items of lists are
/// numbered.
///
/// A pickle may hold one value in many places, or in itself. So there is a limit to the names' text
/// and to the elements copied, in proportion to the file.
final class Contents {
    private static final int MAX_DEPTH = 64;
    private static final int MAX_TEXT = 200;

    /// What an entry costs beside the text of its name, in bytes.
    private static final int ENTRY_COST = 128;

    /// What all may cost, for each byte of the file.
    private static final int COST_TO_SIZE = 64;

    private final MappedFile file;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private long cost;
    private long copied;

    Contents(MappedFile file, @Nullable Object root, String format) {
        this.file = file;
        metadata.put("format", format);
        add("", root, 0);
    }

    /// All tensors, in the order in which the pickle has them.
    Map<String, Tensor> tensors() {
        return tensors;
    }

    /// Texts, numbers and truth values that are in dicts, if short; and `format`.
    Map<String, String> metadata() {
        return metadata;
    }

    private void add(String name, @Nullable Object value, int depth) {
        spend(name, ENTRY_COST + name.length());
        if (depth > MAX_DEPTH) {
            throw endless(name);
        }
        switch (value) {
            case View view -> {
                String full = name.isEmpty() ? "tensor" : name;
                if (tensors.put(full, tensor(full, view)) != null) {
                    throw file.malformed("the file has two tensors named '" + full + "'");
                }
            }
            case Map<?, ?> dict ->
                    dict.forEach((key, item) -> addItem(name, String.valueOf(key), item, depth));
            case Pickle.Tuple tuple -> addItems(name, tuple.items(), depth);
            case List<?> list -> addItems(name, list, depth);
            case null, default -> {}
        }
    }

    private void addItem(String name, String key, @Nullable Object item, int depth) {
        String full = name.isEmpty() ? key : name + "." + key;
        boolean isPlain = Pickle.isPlain(item) && item != null;
        String text = isPlain ? String.valueOf(item) : "";
        if (isPlain && text.length() <= MAX_TEXT) {
            metadata.putIfAbsent(full, text);
        }
        add(full, item, depth + 1);
    }

    private void addItems(String name, List<?> items, int depth) {
        for (int i = 0; i < items.size(); i++) {
            Object item = items.get(i);
            if (item instanceof View || item instanceof Map || isSequence(item)) {
                add(name.isEmpty() ? "" + i : name + "." + i, item, depth + 1);
            } else {
                spend(name, 1);
            }
        }
    }

    private static boolean isSequence(@Nullable Object item) {
        return item instanceof List || item instanceof Pickle.Tuple;
    }

    private void spend(String name, long more) {
        cost += more;
        if (cost > COST_TO_SIZE * (file.size() + ENTRY_COST)) {
            throw endless(name);
        }
    }

    private RuntimeException endless(String name) {
        return file.malformed(
                "the pickle has containers within containers without end, at '"
                        + abridged(name)
                        + "'");
    }

    private Tensor tensor(String name, View view) {
        String what = "tensor '" + abridged(name) + "'";
        Storage storage = view.storage();
        if (!view.isSound()) {
            throw file.malformed(what + " has a negative size, stride or offset");
        }
        TensorType type;
        long bytes;
        try {
            type = new TensorType(storage.dtype(), Shape.of(view.size()));
            bytes = type.byteSize();
            long end = bytes == 0 ? view.offset() : view.end();
            if (end > storage.elements()) {
                throw outside(what, view);
            }
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw outside(what, view);
        }
        MemorySegment data = storage.data();
        if (data == null) {
            throw file.malformed(
                    what + " refers to storage '" + storage.key() + "', which the file lacks");
        }
        int size = type.dtype().byteSize();
        MemorySegment from = data.asSlice(view.offset() * size);
        if (bytes == 0 || view.isContiguous()) {
            return new Tensor(type, from.asSlice(0, bytes));
        }
        copied += bytes;
        if (bytes > data.byteSize() || copied > 4 * file.size()) {
            throw file.unsupported(
                    what + " repeats elements of its storage; save a contiguous() copy of it");
        }
        long[] strides = view.stride().clone();
        for (int a = 0; a < strides.length; a++) {
            strides[a] = view.size()[a] == 1 ? 0 : strides[a] * size;
        }
        return new Tensor(type, Elements.rowMajor(from, type, strides));
    }

    private RuntimeException outside(String what, View view) {
        return file.malformed(
                what
                        + " of size "
                        + Arrays.toString(view.size())
                        + ", stride "
                        + Arrays.toString(view.stride())
                        + " and offset "
                        + view.offset()
                        + " reaches beyond the "
                        + view.storage().elements()
                        + " elements of its storage");
    }

    private static String abridged(String name) {
        return name.length() <= MAX_TEXT ? name : name.substring(0, MAX_TEXT) + "…";
    }
}
