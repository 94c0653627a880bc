package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.TensorProto;
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
    private final GraphProto main;
    private final Map<String, FunctionProto> functions = new HashMap<>();
    private final TensorReader tensors;
    private final TypeReader types;
    private final AttributeReader attributes;
    private final Names names;
    private int nodes;
    private long expandedBytes;

    GraphReader(MappedFile file, ModelProto model) {
        this.file = file;
        this.main = model.getGraph();
        this.tensors = new TensorReader(file);
        this.types = new TypeReader(file);
        this.attributes = new AttributeReader(file, tensors);
        this.names = new Names(main);
        for (FunctionProto f : model.getFunctionsList()) {
            String name = function(f.getDomain(), f.getName(), f.getOverload());
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
            String name,
            GraphProto g,
            Scope scope,
            @Nullable Body outer,
            Map<String, String> metadata)
            throws IOException {
        if (g.getSparseInitializerCount() > 0) {
            throw file.unsupported(
                    "tensor '"
                            + g.getSparseInitializer(0).getValues().getName()
                            + "' is a sparse initializer");
        }
        Body body = new Body(file, names, outer);
        body.declareRanks(g, scope);
        for (TensorProto t : g.getInitializerList()) {
            if (t.getName().isEmpty()) {
                throw file.malformed("an initializer has no name");
            }
            body.addConstant(
                    scope.tensor(t.getName()), tensors.read(t, "tensor '" + t.getName() + "'"));
        }
        List<ValueInfo> inputs = values(g.getInputList(), "input", scope, body, outer);
        // Before IR version 4 every initializer was listed as an input as well; since, being listed
        // makes it a default that the caller may replace. We take either as the constant it is.
        inputs.removeIf(v -> body.hasConstant(v.name()));
        List<NodeProto> list = g.getNodeList();
        for (int i = 0; i < list.size(); i++) {
            node(list.get(i), i, scope, body);
        }
        return body.toGraph(
                name, inputs, values(g.getOutputList(), "output", scope, body, outer), metadata);
    }

    private List<ValueInfo> values(
            List<ValueInfoProto> list, String kind, Scope scope, Body body, @Nullable Body outer) {
        Set<String> seen = new HashSet<>();
        List<ValueInfo> values = new ArrayList<>();
        for (ValueInfoProto p : list) {
            if (p.getName().isEmpty()) {
                throw file.malformed("an " + kind + " has no name");
            }
            String what = kind + " '" + p.getName() + "'";
            // A body may yield one tensor twice: to the next iteration and to those collected.
            if (!seen.add(p.getName()) && (outer == null || kind.equals("input"))) {
                throw file.malformed(what + " is declared twice");
            }
            String name = scope.tensor(p.getName());
            boolean typed =
                    p.getType().getTensorType().getElemType() != 0
                            || p.getType().getValueCase().getNumber() > 1;
            if (outer != null && (!typed || p.getType().hasSequenceType())) {
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

    private void node(NodeProto p, int index, Scope scope, Body body) throws IOException {
        if (++nodes > MAX_NODES) {
            throw file.malformed(
                    "the model has more than "
                            + MAX_NODES
                            + " nodes once its functions are expanded");
        }
        if (p.getOpType().isEmpty()) {
            throw file.malformed("node " + index + " '" + p.getName() + "' has no op_type");
        }
        String name =
                p.getName().isEmpty()
                        ? names.fresh(scope.node(p.getOpType() + "_" + index))
                        : scope.node(p.getName());
        Draft draft = new Draft(file, body, OnnxReader.domain(p.getDomain()), p.getOpType(), name);
        for (String input : p.getInputList()) {
            draft.inputs.add(scope.tensor(input));
        }
        for (String output : p.getOutputList()) {
            draft.outputs.add(scope.tensor(output));
        }
        while (!draft.inputs.isEmpty() && draft.inputs.getLast().isEmpty()) {
            draft.inputs.removeLast();
        }
        attributes.read(
                p,
                draft,
                scope,
                (g, attribute) ->
                        graph(
                                file.name() + "/" + name + "/" + attribute,
                                g,
                                scope,
                                body,
                                Map.of()));
        String key = function(p.getDomain(), p.getOpType(), p.getOverload());
        FunctionProto f = functions.get(key);
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

    /// Puts the nodes of function `f` in place of the node `call`.
    private void expand(String key, FunctionProto f, Draft call, Scope caller, Body body)
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
        expandedBytes += f.getSerializedSize();
        if (expandedBytes > MAX_EXPANDED_BYTES) {
            throw file.malformed(
                    "the model has more than "
                            + MAX_EXPANDED_BYTES
                            + " bytes of nodes once its functions are expanded");
        }
        if (call.inputs.size() > f.getInputCount() || call.outputs.size() > f.getOutputCount()) {
            throw call.malformed(
                    "has "
                            + call.inputs.size()
                            + " inputs and "
                            + call.outputs.size()
                            + " outputs, expected at most "
                            + f.getInputCount()
                            + " and "
                            + f.getOutputCount());
        }
        Map<String, String> tensors = new HashMap<>();
        for (int i = 0; i < f.getInputCount(); i++) {
            tensors.put(f.getInput(i), call.input(i));
        }
        for (int i = 0; i < call.outputs.size(); i++) {
            String actual = call.outputs.get(i);
            if (!actual.isEmpty()
                    && tensors.putIfAbsent(f.getOutput(i), actual) instanceof String same) {
                // An output that is an input, or another output, as it is.
                call.emitAfter("Identity", same, actual);
            }
        }
        Map<String, Attribute> bound = new HashMap<>(call.attributes);
        Map<String, Long> opsets = new HashMap<>(caller.opsets());
        opsets.putAll(OnnxReader.opsets(file, f.getOpsetImportList()));
        Scope scope =
                new Scope(opsets, new Scope.Call(call.name + "/", tensors, bound, stack, names));
        attributes.readDefaults(f, call, bound, scope);
        names.addReads(f.getNodeList(), scope::tensor);
        for (int i = 0; i < f.getNodeCount(); i++) {
            node(f.getNode(i), i, scope, body);
        }
        call.finishWithoutNode();
    }
}
