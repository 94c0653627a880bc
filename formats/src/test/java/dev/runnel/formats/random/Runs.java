package dev.runnel.formats.random;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A drawn model in Runnel: run, run row by row, and stepped.
final class Runs {
    private final Graph graph;

    Runs(ModelProto model) {
        graph = Models.read("random.onnx", MemorySegment.ofArray(model.toByteArray()));
    }

    Map<String, Tensor> run(KernelSet kernels, Map<String, Tensor> inputs) {
        try (Model model = compile(Options.defaults().stateless().kernels(kernels));
                Session session = model.open()) {
            return session.run(inputs);
        }
    }

    /// The outputs of each row of the batch, run alone.
    List<Map<String, Tensor>> rows(Drawn drawn) {
        List<Map<String, Tensor>> rows = new ArrayList<>();
        try (Model model = compile(Options.defaults().stateless());
                Session session = model.open()) {
            for (int n = 0; n < drawn.extent(false); n++) {
                rows.add(session.run(drawn.inputsOfRow(n)));
            }
        }
        return rows;
    }

    /// The model as it is stepped, for the caller to close.
    Model stepped() {
        return compile(Options.defaults().stateful());
    }

    private Model compile(Options options) {
        return Model.compile(graph, options);
    }

    /// Steps `model` over the whole sequence, as many rows at a time as there are inputs: the
    /// outputs of each step, and at the end the states, for each row.
    static List<List<Map<String, Tensor>>> steps(
            Model model, Drawn drawn, List<Map<String, Tensor>> inputs) {
        List<State> states = new ArrayList<>();
        try (Session session = model.open(inputs.size())) {
            List<List<Map<String, Tensor>>> steps = new ArrayList<>();
            for (Map<String, Tensor> row : inputs) {
                State state = model.newState();
                states.add(state);
                steps.add(new ArrayList<>());
                model.states().stream()
                        .filter(p -> row.containsKey(p.name()))
                        .forEach(p -> state.tensor(p.name()).copyFrom(row.get(p.name()).data()));
            }
            for (int t = 0; t < drawn.extent(true); t++) {
                for (int n = 0; n < inputs.size(); n++) {
                    feed(model, session, drawn, inputs.get(n), n, t);
                }
                session.step(states);
                for (int n = 0; n < inputs.size(); n++) {
                    steps.get(n).add(outputs(model, session, drawn, states.get(n), n));
                }
            }
            return steps;
        } finally {
            states.forEach(State::close);
        }
    }

    private static void feed(
            Model model,
            Session session,
            Drawn drawn,
            Map<String, Tensor> inputs,
            int row,
            int step) {
        model.inputs()
                .forEach(
                        port -> {
                            int axis = drawn.feeds().get(port.name()).timeAxis();
                            Tensor all = inputs.get(port.name());
                            Tensor now = axis < 0 ? all : Tensors.slice(all, axis, step, step + 1);
                            session.input(port.name(), row).copyFrom(now.data());
                        });
    }

    private static Map<String, Tensor> outputs(
            Model model, Session session, Drawn drawn, State state, int row) {
        Map<String, Tensor> outputs = new LinkedHashMap<>();
        model.outputs()
                .forEach(
                        port -> {
                            MemorySegment s = session.output(port.name(), row);
                            Shape shape = port.type().shape();
                            outputs.put(
                                    port.name(),
                                    Tensors.of(
                                            port.dtype(), shape, s.toArray(ValueLayout.JAVA_BYTE)));
                        });
        model.states().stream()
                .filter(p -> drawn.pairs().containsKey(p.name()))
                .forEach(
                        port -> {
                            byte[] bytes = state.tensor(port.name()).toArray(ValueLayout.JAVA_BYTE);
                            outputs.put(
                                    drawn.pairs().get(port.name()),
                                    Tensors.of(port.dtype(), port.type().shape(), bytes));
                        });
        return outputs;
    }
}
