package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A graph while it is being read.
final class Body {
    private final MappedFile file;
    private final @Nullable Body outer;
    private final Map<String, Integer> ranks = new HashMap<>();
    private final Map<String, Tensor> initializers = new LinkedHashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    final Names names;

    /// A body within `outer`, whose names it sees; null for the model's own graph.
    Body(MappedFile file, Names names, @Nullable Body outer) {
        this.file = file;
        this.names = names;
        this.outer = outer;
    }

    /// Notes the ranks that `g` declares for its tensors, as `scope` names them.
    void declareRanks(Message g, Scope scope) {
        declareRanks(g.messages(GraphProto.INPUT_FIELD_NUMBER, "ValueInfoProto"), scope);
        declareRanks(g.messages(GraphProto.OUTPUT_FIELD_NUMBER, "ValueInfoProto"), scope);
        declareRanks(g.messages(GraphProto.VALUE_INFO_FIELD_NUMBER, "ValueInfoProto"), scope);
    }

    private void declareRanks(List<Message> values, Scope scope) {
        for (Message v : values) {
            List<Message> dims = TypeReader.dims(TypeReader.tensorType(TypeReader.type(v)));
            if (dims != null) {
                ranks.put(scope.tensor(v.text(ValueInfoProto.NAME_FIELD_NUMBER)), dims.size());
            }
        }
    }

    /// The rank of `tensor`, or -1 if the file does not say it.
    int rank(String tensor) {
        Tensor constant = initializers.get(tensor);
        if (constant != null) {
            return constant.shape().rank();
        }
        Integer declared = ranks.get(tensor);
        return declared != null ? declared : outer == null ? -1 : outer.rank(tensor);
    }

    /// The constant named `tensor`; null if there is none.
    @Nullable Tensor constant(String tensor) {
        Tensor constant = initializers.get(tensor);
        return constant != null || outer == null ? constant : outer.constant(tensor);
    }

    /// Whether `tensor` is a constant of this graph itself.
    boolean hasConstant(String tensor) {
        return initializers.containsKey(tensor);
    }

    void addConstant(String name, Tensor value) {
        if (initializers.put(name, value) != null) {
            throw file.malformed(
                    "tensor '" + name + "' is produced twice, both times as a constant");
        }
    }

    /// A constant of ours, under a name made of `base`.
    String addFreshConstant(String base, Tensor value) {
        String name = names.fresh(base);
        initializers.put(name, value);
        return name;
    }

    void add(Node node) {
        nodes.add(node);
    }

    Graph toGraph(
            String name,
            List<ValueInfo> inputs,
            List<ValueInfo> outputs,
            Map<String, String> metadata) {
        return new Graph(name, inputs, outputs, initializers, nodes, metadata);
    }
}
