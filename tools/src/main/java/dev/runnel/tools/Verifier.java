package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Models;
import dev.runnel.formats.TensorFile;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;

/// Checks a [Case]: runs the model on the stored inputs and compares with the stored outputs.
///
/// Each data set is an independent call; or, with `stream`, where the case says which outputs feed
/// which inputs, the sets are the steps of one stream, and only its first state is taken from a
/// file.
///
/// @param stream whether cases with a `state.txt` are run as a stream
/// @param options how models are compiled: the kernels
/// @param atol absolute tolerance of every case; null for the default of the case's kind
/// @param rtol relative tolerance of every case; null for the default of the case's kind
record Verifier(boolean stream, Options options, @Nullable Double atol, @Nullable Double rtol) {
    private static final Set<String> RECURRENT = Set.of("RNN", "GRU", "LSTM");

    /// Thrown inside a check to end it.
    private static final class Disagreement extends Exception {
        private static final long serialVersionUID = 1;

        Disagreement(String message) {
            super(message);
        }
    }

    /// Checks one case. Whatever goes wrong in it is part of the verdict, even an error of the
    /// machine (out of memory, stack overflow): the next case may well do.
    Verdict check(Case c) {
        return check(c, new LinkedHashMap<>());
    }

    /// The same, and adds how far each output is off, by its name.
    Verdict check(Case c, Map<String, Deviation> deviations) {
        try {
            return new Check(c, deviations).verdict();
        } catch (UnsupportedModelException e) {
            return new Verdict.Unsupported(c.name(), String.valueOf(e.getMessage()));
        } catch (Disagreement e) {
            return new Verdict.Failed(c.name(), String.valueOf(e.getMessage()), null);
        } catch (IOException | RuntimeException | Error e) {
            return new Verdict.Failed(c.name(), Failures.describe(e), e);
        }
    }

    /// The default tolerance of a model: that of operators if it is a single node and not a
    /// recurrent one, else that of recurrent models.
    static Tolerance defaultTolerance(Graph graph) {
        boolean single = graph.nodes().size() == 1 && !isRecurrent(graph.nodes().getFirst());
        return single ? Tolerance.OPERATOR : Tolerance.RECURRENT;
    }

    private static boolean isRecurrent(Node node) {
        return RECURRENT.contains(node.op())
                || node.attributes().values().stream()
                        .anyMatch(
                                a ->
                                        a instanceof Attribute.OfGraph(Graph g)
                                                && g.nodes().stream()
                                                        .anyMatch(Verifier::isRecurrent));
    }

    /// The check of one case.
    private final class Check {
        private final Case c;
        private final Graph graph;
        private final List<Case.DataSet> sets;
        private final Map<String, String> carried;
        private final Tolerance tolerance;
        private final Map<String, Deviation> deviations;
        private double maxAbs;

        Check(Case c, Map<String, Deviation> deviations) throws IOException, Disagreement {
            this.c = c;
            this.deviations = deviations;
            this.graph = Models.read(c.model());
            this.sets = c.dataSets();
            this.carried = stream ? c.carried() : Map.of();
            Tolerance usual = defaultTolerance(graph);
            this.tolerance =
                    new Tolerance(
                            atol == null ? usual.atol() : atol, rtol == null ? usual.rtol() : rtol);
            if (sets.isEmpty()) {
                throw new Disagreement("has no test_data_set_0");
            }
        }

        Verdict verdict() throws IOException, Disagreement {
            Options o = options.stateless();
            for (Map.Entry<String, String> pair : carried.entrySet()) {
                o = o.state(pair.getValue(), pair.getKey());
            }
            Map<String, Tensor> first = tensors(sets.getFirst().inputs(), graph.inputs());
            for (ValueInfo input : graph.inputs()) {
                Tensor t = first.get(input.name());
                if (t != null && isOpen(input)) {
                    o = o.shape(input.name(), t.shape().dims());
                }
            }
            try (Model model = compile(o, first);
                    Session session = model.open()) {
                if (carried.isEmpty()) {
                    for (Case.DataSet set : sets) {
                        compare(set, session.run(tensors(set.inputs(), graph.inputs())));
                    }
                } else {
                    checkStream(model, session, first);
                }
            }
            return new Verdict.Passed(c.name(), sets.size(), maxAbs);
        }

        /// The model; as a stream that cannot be stepped before the value of some input is known,
        /// such as a sample rate, with the inputs bound that look like settings: one integer or
        /// bool, the same in every set.
        private Model compile(Options o, Map<String, Tensor> first)
                throws IOException, Disagreement {
            Model model = Model.compile(graph, o);
            if (carried.isEmpty() || model.stepObstacle().isEmpty()) {
                return model;
            }
            Options bound = o;
            for (Map.Entry<String, Tensor> e : first.entrySet()) {
                Tensor value = e.getValue();
                if (!value.dtype().isFloat()
                        && value.elements() == 1
                        && !carried.containsKey(e.getKey())
                        && isSameInAllSets(e.getKey(), value)) {
                    bound = bound.bind(e.getKey(), value);
                }
            }
            if (bound == o) {
                return model;
            }
            model.close();
            return Model.compile(graph, bound);
        }

        private boolean isSameInAllSets(String input, Tensor value)
                throws IOException, Disagreement {
            for (Case.DataSet set : sets) {
                Tensor other = tensors(set.inputs(), graph.inputs()).get(input);
                if (other == null
                        || !other.type().equals(value.type())
                        || other.data().mismatch(value.data()) != -1) {
                    return false;
                }
            }
            return true;
        }

        private void checkStream(Model model, Session session, Map<String, Tensor> first)
                throws IOException, Disagreement {
            List<String> fed = model.inputs().stream().map(Port::name).toList();
            try (State state = model.newState()) {
                for (Port port : model.states()) {
                    Tensor start = first.get(port.name());
                    if (start != null) {
                        if (!start.type().equals(port.type())) {
                            throw new Disagreement(
                                    "state '"
                                            + port.name()
                                            + "' is "
                                            + port.type()
                                            + ", but its first value is "
                                            + start.type());
                        }
                        state.tensor(port.name()).copyFrom(start.data());
                    }
                }
                for (Case.DataSet set : sets) {
                    Map<String, Tensor> inputs = tensors(set.inputs(), graph.inputs());
                    inputs.keySet().retainAll(fed);
                    Map<String, Tensor> outputs =
                            new HashMap<>(
                                    isStep(model, inputs)
                                            ? step(model, session, state, inputs)
                                            : session.run(state, inputs));
                    for (Port port : model.states()) {
                        String output = carried.get(port.name());
                        if (output != null) {
                            outputs.put(output, new Tensor(port.type(), state.tensor(port.name())));
                        }
                    }
                    compare(set, outputs);
                }
            }
        }

        private void compare(Case.DataSet set, Map<String, Tensor> outputs)
                throws IOException, Disagreement {
            Map<String, Tensor> wanted = tensors(set.outputs(), graph.outputs());
            if (wanted.isEmpty()) {
                throw new Disagreement("set " + set.index() + " has no output_0.pb");
            }
            for (Map.Entry<String, Tensor> entry : wanted.entrySet()) {
                String where = "set " + set.index() + " output '" + entry.getKey() + "': ";
                Tensor got = outputs.get(entry.getKey());
                if (got == null) {
                    throw new Disagreement(where + "is not among the outputs " + outputs.keySet());
                }
                Tensor want = entry.getValue();
                boolean given = atol != null || rtol != null;
                Tolerance t = given ? tolerance : tolerance.widenedFor(want.dtype());
                Tolerance.Comparison comparison = t.compare(got, want);
                maxAbs = Math.max(maxAbs, comparison.maxAbs());
                if (comparison.disagreement() != null) {
                    throw new Disagreement(where + comparison.disagreement());
                }
                if (want.dtype().isFloat()) {
                    deviations.computeIfAbsent(entry.getKey(), k -> new Deviation()).add(got, want);
                }
            }
        }
    }

    private static boolean isOpen(ValueInfo input) {
        return input.dims() == null || !input.dims().stream().allMatch(ValueInfo.Dim::isFixed);
    }

    private static boolean isStep(Model model, Map<String, Tensor> inputs) {
        return model.stepObstacle().isEmpty()
                && model.inputs().size() == inputs.size()
                && model.inputs().stream()
                        .allMatch(
                                p ->
                                        inputs.get(p.name()) instanceof Tensor t
                                                && t.type().equals(p.type()));
    }

    private static Map<String, Tensor> step(
            Model model, Session session, State state, Map<String, Tensor> inputs) {
        inputs.forEach((name, tensor) -> session.input(name).copyFrom(tensor.data()));
        session.step(state);
        Map<String, Tensor> outputs = new HashMap<>();
        for (Port port : model.outputs()) {
            outputs.put(port.name(), new Tensor(port.type(), session.output(port.name())));
        }
        return outputs;
    }

    /// The tensors of a set's files by the name of their value: the one that the file itself gives,
    /// if all do and the graph knows them, else the one at the file's place.
    private static Map<String, Tensor> tensors(
            SortedMap<Integer, Path> files, List<ValueInfo> values)
            throws IOException, Disagreement {
        List<String> names = values.stream().map(ValueInfo::name).toList();
        Map<String, Tensor> byName = new LinkedHashMap<>();
        Map<String, Tensor> byPlace = new LinkedHashMap<>();
        for (Map.Entry<Integer, Path> file : files.entrySet()) {
            Tensor tensor = TensorFile.read(file.getValue());
            String name = TensorFile.name(file.getValue());
            if (names.contains(name)) {
                byName.put(name, tensor);
            }
            if (file.getKey() < names.size()) {
                byPlace.put(names.get(file.getKey()), tensor);
            }
        }
        if (byName.size() == files.size()) {
            return byName;
        }
        if (byPlace.size() < files.size()) {
            throw new Disagreement(
                    "has "
                            + files.lastEntry().getValue().getFileName()
                            + ", but the model has only "
                            + names);
        }
        return byPlace;
    }
}
