package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.SparseTensorProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Makes [Graph]s of the `GraphProto`s of one model: types and constants read, functions expanded
/// in place, each node brought to the vocabulary of [Graph#OPSET].
final class GraphReader {
    /// Functions that call functions grow by powers; no real model comes near these.
    private static final int MAX_NODES = 1_000_000;

    private static final long MAX_EXPANDED_BYTES = 256L << 20;

    private static final int MAX_CALLS = 64;

    private final MappedFile file;
    private final Message main;
    private final Map<String, Message> functions = new HashMap<>();
    private final TensorReader tensors;
    private final TypeReader types;
    private final AttributeReader attributes;
    private final Names names;
    private int nodes;
    private long expandedBytes;

    GraphReader(MappedFile file, Message model) {
        this.file = file;
        this.main = model.message(ModelProto.GRAPH_FIELD_NUMBER, "GraphProto");
        this.tensors = new TensorReader(file);
        this.types = new TypeReader(file);
        this.attributes = new AttributeReader(file, tensors);
        this.names = new Names(main);
        for (Message f : model.messages(ModelProto.FUNCTIONS_FIELD_NUMBER, "FunctionProto")) {
            String name =
                    function(
                            f.text(FunctionProto.DOMAIN_FIELD_NUMBER),
                            f.text(FunctionProto.NAME_FIELD_NUMBER),
                            f.text(FunctionProto.OVERLOAD_FIELD_NUMBER));
            if (functions.put(name, f) != null) {
                throw file.malformed("function '" + name + "' is defined twice");
            }
        }
    }

    private static String function(String domain, String name, String overload) {
        String standard = OnnxReader.domain(domain);
        return (standard.isEmpty() ? name : standard + "." + name)
                + (overload.isEmpty() ? "" : "." + overload);
    }

    /// The model's own graph.
    Graph model(Scope scope, Map<String, String> metadata) throws IOException {
        return graph(file.name(), main, scope, null, metadata);
    }

    private Graph graph(
            String name, Message g, Scope scope, @Nullable Body outer, Map<String, String> metadata)
            throws IOException {
        if (g.has(GraphProto.SPARSE_INITIALIZER_FIELD_NUMBER)) {
            Message sparse =
                    g.message(GraphProto.SPARSE_INITIALIZER_FIELD_NUMBER, "SparseTensorProto");
            throw file.unsupported(
                    "tensor '"
                            + sparse.message(SparseTensorProto.VALUES_FIELD_NUMBER, "TensorProto")
                                    .text(TensorProto.NAME_FIELD_NUMBER)
                            + "' is a sparse initializer");
        }
        Body body = new Body(file, names, outer);
        body.declareRanks(g, scope);
        for (Message t : g.messages(GraphProto.INITIALIZER_FIELD_NUMBER, "TensorProto")) {
            String tensor = t.text(TensorProto.NAME_FIELD_NUMBER);
            if (tensor.isEmpty()) {
                throw file.malformed("an initializer has no name");
            }
            body.addConstant(scope.tensor(tensor), tensors.read(t, "tensor '" + tensor + "'"));
        }
        // Before IR version 4 every initializer was listed as an input as well; since, being listed
        // makes it a default that the caller may replace. We take either as the constant it is.
        List<ValueInfo> inputs = new ArrayList<>();
        for (ValueInfo v : values(g, GraphProto.INPUT_FIELD_NUMBER, scope, body, outer)) {
            if (!body.hasConstant(v.name())) {
                inputs.add(v);
            }
        }
        List<Message> list = g.messages(GraphProto.NODE_FIELD_NUMBER, "NodeProto");
        for (int i = 0; i < list.size(); i++) {
            node(list.get(i), i, scope, body);
        }
        return body.toGraph(
                name,
                inputs,
                values(g, GraphProto.OUTPUT_FIELD_NUMBER, scope, body, outer),
                metadata);
    }

    private List<ValueInfo> values(
            Message g, int field, Scope scope, Body body, @Nullable Body outer) {
        String kind = field == GraphProto.INPUT_FIELD_NUMBER ? "input" : "output";
        Set<String> seen = new HashSet<>();
        List<ValueInfo> values = new ArrayList<>();
        for (Message p : g.messages(field, "ValueInfoProto")) {
            String given = p.text(ValueInfoProto.NAME_FIELD_NUMBER);
            if (given.isEmpty()) {
                throw file.malformed("an " + kind + " has no name");
            }
            String what = kind + " '" + given + "'";
            // A body may yield one tensor twice: to the next iteration and to those collected.
            if (!seen.add(given) && (outer == null || kind.equals("input"))) {
                throw file.malformed(what + " is declared twice");
            }
            String name = scope.tensor(given);
            if (outer != null && !isTyped(TypeReader.type(p))) {
                // What goes in and out of a subgraph needs no type: it follows from the node's.
                Tensor constant = body.constant(name);
                values.add(
                        new ValueInfo(
                                name, constant == null ? DType.FLOAT32 : constant.dtype(), null));
            } else {
                ValueInfo v = types.read(p, what);
                values.add(new ValueInfo(name, v.dtype(), v.dims()));
            }
        }
        return values;
    }

    /// Whether what goes in and out of a subgraph has a type to be read: a sequence's is not.
    private static boolean isTyped(Message type) {
        return switch (TypeReader.kind(type)) {
            case 0, TypeProto.SEQUENCE_TYPE_FIELD_NUMBER -> false;
            case TypeProto.TENSOR_TYPE_FIELD_NUMBER ->
                    TypeReader.elementType(TypeReader.tensorType(type)) != 0;
            default -> true;
        };
    }

    private void node(Message p, int index, Scope scope, Body body) throws IOException {
        if (++nodes > MAX_NODES) {
            throw file.malformed(
                    "the model has more than "
                            + MAX_NODES
                            + " nodes once its functions are expanded");
        }
        String given = p.name(NodeProto.NAME_FIELD_NUMBER);
        String op = p.text(NodeProto.OP_TYPE_FIELD_NUMBER);
        String domain = p.text(NodeProto.DOMAIN_FIELD_NUMBER);
        if (op.isEmpty()) {
            throw file.malformed("node " + index + " '" + given + "' has no op_type");
        }
        String name =
                given.isEmpty() ? names.fresh(scope.node(op + "_" + index)) : scope.node(given);
        Draft draft = new Draft(file, body, OnnxReader.domain(domain), op, name);
        for (String input : p.texts(NodeProto.INPUT_FIELD_NUMBER)) {
            draft.inputs.add(scope.tensor(input));
        }
        for (String output : p.texts(NodeProto.OUTPUT_FIELD_NUMBER)) {
            draft.outputs.add(scope.tensor(output));
        }
        while (!draft.inputs.isEmpty() && draft.inputs.getLast().isEmpty()) {
            draft.inputs.removeLast();
        }
        attributes.read(p, draft, scope, new Inner(name, scope, body));
        String key = function(domain, op, p.text(NodeProto.OVERLOAD_FIELD_NUMBER));
        Message f = functions.get(key);
        if (f != null) {
            expand(key, f, draft, scope, body);
            return;
        }
        if (draft.domain.isEmpty()) {
            Long version = scope.opsets().get("");
            if (version == null) {
                throw draft.malformed("the file imports no operator set of domain ai.onnx");
            }
            Normalizer.apply(draft, version);
        } else if (draft.domain.equals(QuantizedOperators.DOMAIN)) {
            QuantizedOperators.apply(draft);
        }
        draft.finish();
    }

    private final class Inner implements AttributeReader.Subgraphs {
        private final String node;
        private final Scope scope;
        private final Body body;

        Inner(String node, Scope scope, Body body) {
            this.node = node;
            this.scope = scope;
            this.body = body;
        }

        @Override
        public Graph read(Message g, String attribute) throws IOException {
            String name = file.name() + "/" + node + "/" + attribute;
            return graph(name, g, scope, body, Map.of());
        }
    }

    /// Puts the nodes of function `f` in place of the node `call`.
    private void expand(String key, Message f, Draft call, Scope caller, Body body)
            throws IOException {
        List<String> stack = new ArrayList<>(caller.stack());
        if (stack.contains(key) || stack.size() == MAX_CALLS) {
            throw call.malformed(
                    "functions call each other without end, or deeper than "
                            + MAX_CALLS
                            + ": "
                            + String.join(" > ", stack.subList(0, Math.min(3, stack.size())))
                            + " > …");
        }
        stack.add(key);
        expandedBytes += f.byteSize();
        if (expandedBytes > MAX_EXPANDED_BYTES) {
            throw file.malformed(
                    "the model has more than "
                            + MAX_EXPANDED_BYTES
                            + " bytes of nodes once its functions are expanded");
        }
        List<String> inputs = f.texts(FunctionProto.INPUT_FIELD_NUMBER);
        List<String> outputs = f.texts(FunctionProto.OUTPUT_FIELD_NUMBER);
        if (call.inputs.size() > inputs.size() || call.outputs.size() > outputs.size()) {
            throw call.malformed(
                    "has "
                            + call.inputs.size()
                            + " inputs and "
                            + call.outputs.size()
                            + " outputs, expected at most "
                            + inputs.size()
                            + " and "
                            + outputs.size());
        }
        Map<String, String> tensors = new HashMap<>();
        for (int i = 0; i < inputs.size(); i++) {
            tensors.put(inputs.get(i), call.input(i));
        }
        for (int i = 0; i < call.outputs.size(); i++) {
            String actual = call.outputs.get(i);
            if (!actual.isEmpty()
                    && tensors.putIfAbsent(outputs.get(i), actual) instanceof String same) {
                // An output that is an input, or another output, as it is.
                call.emitAfter("Identity", same, actual);
            }
        }
        Map<String, Attribute> bound = new HashMap<>(call.attributes);
        Map<String, Long> opsets = new HashMap<>(caller.opsets());
        opsets.putAll(
                OnnxReader.opsets(
                        file,
                        f.messages(FunctionProto.OPSET_IMPORT_FIELD_NUMBER, "OperatorSetIdProto")));
        Scope scope =
                new Scope(opsets, new Scope.Call(call.name + "/", tensors, bound, stack, names));
        attributes.readDefaults(f, call, bound, scope);
        List<Message> list = f.messages(FunctionProto.NODE_FIELD_NUMBER, "NodeProto");
        names.addReads(list, scope::tensor);
        for (int i = 0; i < list.size(); i++) {
            node(list.get(i), i, scope, body);
        }
        call.finishWithoutNode();
    }
}
