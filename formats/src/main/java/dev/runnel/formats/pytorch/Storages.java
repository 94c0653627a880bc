package dev.runnel.formats.pytorch;

import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// The storages of a file by their keys. A pickle refers to each as `('storage', class, key,
/// device, elements)`; the older stream adds what it is a part of, or `None`.
final class Storages implements Pickle.Persistent {
    private final MappedFile file;
    private final @Nullable Function<String, MemorySegment> bytes;
    private final Map<String, Storage> storages = new HashMap<>();

    /// @param bytes finds a storage's bytes by its key; null if they become known later
    Storages(MappedFile file, @Nullable Function<String, MemorySegment> bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    @Override
    public Object load(@Nullable Object id) {
        List<@Nullable Object> items = id instanceof Pickle.Tuple t ? t.items() : List.of();
        if (!items.isEmpty() && "module".equals(items.getFirst())) {
            throw file.unsupported(
                    "the pickle holds a module, not only its weights, and no code in a file ever"
                            + " runs; save model.state_dict() instead");
        }
        if (items.size() < 5
                || !"storage".equals(items.get(0))
                || !(items.get(1) instanceof Globals.StorageType type)
                || !(items.get(2) instanceof String key)
                || !(items.get(4) instanceof Long elements)) {
            throw file.malformed(
                    "the pickle refers to a storage in a way not known; the file is truncated or"
                            + " corrupt");
        }
        if (items.size() > 5 && items.get(5) != null) {
            throw file.unsupported("storage '" + key + "' is a part of another");
        }
        Storage known = storages.get(key);
        if (known == null) {
            known = new Storage(key, type.dtype(), elements);
            storages.put(key, known);
            if (bytes != null) {
                set(key, elements, bytes.apply(key));
            }
        } else if (known.dtype() != type.dtype() || known.elements() != elements) {
            throw file.malformed(
                    "storage '"
                            + key
                            + "' has "
                            + known.elements()
                            + " elements of "
                            + known.dtype()
                            + " and "
                            + elements
                            + " of "
                            + type.dtype());
        }
        return known;
    }

    /// The storage of this key.
    ///
    /// @throws dev.runnel.MalformedModelException if no tensor refers to it
    Storage get(@Nullable Object key) {
        Storage storage = key instanceof String s ? storages.get(s) : null;
        if (storage == null) {
            throw file.malformed("the file has a storage that no tensor refers to");
        }
        return storage;
    }

    /// Gives a storage its bytes.
    ///
    /// @throws dev.runnel.MalformedModelException if they are not as many as its elements take
    void set(String key, long elements, MemorySegment data) {
        Storage storage = get(key);
        int size = storage.dtype().byteSize();
        if (elements != storage.elements()
                || data.byteSize() % size != 0
                || data.byteSize() / size != elements) {
            throw file.malformed(
                    "storage '"
                            + key
                            + "' has "
                            + data.byteSize()
                            + " bytes for "
                            + elements
                            + " elements, expected "
                            + storage.elements()
                            + " of "
                            + storage.dtype());
        }
        Elements.checkBools(file, "storage '" + key + "'", storage.dtype(), data);
        storage.setData(data);
    }
}
