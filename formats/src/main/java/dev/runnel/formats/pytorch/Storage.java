package dev.runnel.formats.pytorch;

import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;

/// Elements in a row that tensors are views of. In the older stream they come after the pickle.
final class Storage {
    private final String key;
    private final DType dtype;
    private final long elements;
    private @Nullable MemorySegment data;

    Storage(String key, DType dtype, long elements) {
        this.key = key;
        this.dtype = dtype;
        this.elements = elements;
    }

    String key() {
        return key;
    }

    DType dtype() {
        return dtype;
    }

    long elements() {
        return elements;
    }

    /// Its bytes; null before they are known.
    @Nullable MemorySegment data() {
        return data;
    }

    void setData(MemorySegment data) {
        this.data = data;
    }
}
