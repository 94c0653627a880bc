package dev.runnel.tools;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Port;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A model that is fed call after call: each on its own, or as the steps of one stream.
final class Replay implements AutoCloseable {
    private final Model model;
    private final Session session;
    private final @Nullable State state;

    /// Outputs by the inputs that they are carried to.
    private final Map<String, String> carried;

    private Replay(Model model, boolean stream, Map<String, String> carried) {
        this.model = model;
        this.carried = carried;
        boolean done = false;
        Session opened = null;
        try {
            opened = model.open();
            this.state = stream ? model.newState() : null;
            done = true;
        } finally {
            if (!done) {
                if (opened != null) {
                    opened.close();
                }
                model.close();
            }
        }
        this.session = opened;
    }

    /// A model that goes on from call to call as its options say, starting from zero. It is closed
    /// with the replay.
    static Replay ofStream(Model model) {
        return new Replay(model, model.stepObstacle().isEmpty(), Map.of());
    }

    /// A model for `calls`, which come with values for all inputs of the graph.
    ///
    /// @param carried output by input: if there are any, the calls are a stream, those outputs are
    ///   carried to those inputs, and only the first call's value of the inputs counts
    /// @throws IllegalArgumentException if the first value of a state is not of its type
    static Replay of(
            Graph graph,
            Options options,
            Map<String, String> carried,
            List<Map<String, Tensor>> calls) {
        Options o = options.stateless();
        for (Map.Entry<String, String> pair : carried.entrySet()) {
            o = o.state(pair.getValue(), pair.getKey());
        }
        Map<String, Tensor> first = calls.getFirst();
        for (ValueInfo input : graph.inputs()) {
            Tensor t = first.get(input.name());
            if (t != null && !RunCommand.isFixed(input)) {
                o = o.shape(input.name(), t.shape().dims());
            }
        }
        Replay replay = new Replay(compile(graph, o, carried, calls), !carried.isEmpty(), carried);
        boolean done = false;
        try {
            replay.start(first);
            done = true;
            return replay;
        } finally {
            if (!done) {
                replay.close();
            }
        }
    }

    /// The model; as a stream that cannot be stepped before the value of some input is known, such
    /// as a sample rate, with the inputs bound that look like settings: one integer or bool, the
    /// same in every call.
    private static Model compile(
            Graph graph, Options o, Map<String, String> carried, List<Map<String, Tensor>> calls) {
        Model model = Model.compile(graph, o);
        if (carried.isEmpty() || model.stepObstacle().isEmpty()) {
            return model;
        }
        Options bound = o;
        for (Map.Entry<String, Tensor> e : calls.getFirst().entrySet()) {
            Tensor value = e.getValue();
            if (!value.dtype().isFloat()
                    && value.elements() == 1
                    && !carried.containsKey(e.getKey())
                    && calls.stream().allMatch(c -> isSame(c.get(e.getKey()), value))) {
                bound = bound.bind(e.getKey(), value);
            }
        }
        if (bound == o) {
            return model;
        }
        model.close();
        return Model.compile(graph, bound);
    }

    private static boolean isSame(@Nullable Tensor a, Tensor b) {
        return a != null && a.type().equals(b.type()) && a.data().mismatch(b.data()) == -1;
    }

    private void start(Map<String, Tensor> first) {
        if (state == null) {
            return;
        }
        for (Port port : model.states()) {
            Tensor value = first.get(port.name());
            if (value == null) {
                continue;
            }
            if (!value.type().equals(port.type())) {
                throw new IllegalArgumentException(
                        "state '"
                                + port.name()
                                + "' is "
                                + port.type()
                                + ", but its first value is "
                                + value.type());
            }
            state.tensor(port.name()).copyFrom(value.data());
        }
    }

    Model model() {
        return model;
    }

    /// Whether calls are the steps of one stream.
    boolean steps() {
        return state != null;
    }

    /// The outputs of the next call, those that are carried among them. They are valid until the
    /// call after it.
    Map<String, Tensor> run(Map<String, Tensor> inputs) {
        Map<String, Tensor> fed = new HashMap<>(inputs);
        fed.keySet().retainAll(model.inputs().stream().map(Port::name).toList());
        if (state == null) {
            return session.run(fed);
        }
        Map<String, Tensor> outputs =
                new HashMap<>(isStep(fed) ? step(fed, state) : session.run(state, fed));
        for (Port port : model.states()) {
            String output = carried.get(port.name());
            if (output != null) {
                outputs.put(output, new Tensor(port.type(), state.tensor(port.name())));
            }
        }
        return outputs;
    }

    private boolean isStep(Map<String, Tensor> inputs) {
        return model.stepObstacle().isEmpty()
                && model.inputs().size() == inputs.size()
                && model.inputs().stream()
                        .allMatch(
                                p ->
                                        inputs.get(p.name()) instanceof Tensor t
                                                && t.type().equals(p.type()));
    }

    private Map<String, Tensor> step(Map<String, Tensor> inputs, State on) {
        inputs.forEach((name, tensor) -> session.input(name).copyFrom(tensor.data()));
        session.step(on);
        Map<String, Tensor> outputs = new HashMap<>();
        for (Port port : model.outputs()) {
            outputs.put(port.name(), new Tensor(port.type(), session.output(port.name())));
        }
        return outputs;
    }

    @Override
    public void close() {
        if (state != null) {
            state.close();
        }
        session.close();
        model.close();
    }
}
