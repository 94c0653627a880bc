package dev.runnel.formats.rnl;

import dev.runnel.formats.proto.Rnl;
import dev.runnel.graph.Tensor;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// The tensors of a file that is to be written, each once, in the order they are met.
final class TensorTable {
    private final Map<Tensor, Integer> indices = new IdentityHashMap<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private final List<Rnl.Tensor> entries = new ArrayList<>();
    private long end;

    /// The index of `tensor`, which is called `name` where it is met.
    int index(Tensor tensor, String name) {
        Integer known = indices.get(tensor);
        if (known != null) {
            return known;
        }
        Rnl.Tensor.Builder entry =
                Rnl.Tensor.newBuilder()
                        .setName(name)
                        .setElementType(tensor.dtype().onnxCode())
                        .setOffset(Layout.aligned(end))
                        .setLength(tensor.data().byteSize())
                        .setCrc32C((int) tensor.checksum());
        for (long d : tensor.shape().dims()) {
            entry.addDims(d);
        }
        end = entry.getOffset() + entry.getLength();
        indices.put(tensor, entries.size());
        tensors.add(tensor);
        entries.add(entry.build());
        return entries.size() - 1;
    }

    List<Tensor> tensors() {
        return tensors;
    }

    List<Rnl.Tensor> entries() {
        return entries;
    }
}
