package dev.runnel.graph;

import java.util.List;

/// The value of a node's attribute.
public sealed interface Attribute {
    record OfLong(long value) implements Attribute {}

    record OfFloat(float value) implements Attribute {}

    record OfString(String value) implements Attribute {}

    record OfLongs(List<Long> values) implements Attribute {
        public OfLongs {
            values = List.copyOf(values);
        }
    }

    record OfFloats(List<Float> values) implements Attribute {
        public OfFloats {
            values = List.copyOf(values);
        }
    }

    record OfStrings(List<String> values) implements Attribute {
        public OfStrings {
            values = List.copyOf(values);
        }
    }

    record OfTensor(Tensor value) implements Attribute {}

    /// A subgraph, such as a branch of `If`. It may read the names of the graph around it.
    record OfGraph(Graph value) implements Attribute {}
}
