package dev.runnel.tools.trace;

import dev.runnel.Model;
import dev.runnel.Options;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;
import dev.runnel.graph.ValueInfo;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// One stream of a model whose LSTM layers are looked into. The model runs as it always does, but
/// for what its LSTM nodes read, which becomes an output; from that and the state before a step the
/// gates are computed beside it.
final class Probe implements AutoCloseable {
    private final List<LstmLayer> layers;
    private final Set<String> inputs = new HashSet<>();
    private final Model model;
    private final Session session;
    private final State state;
    private double deviation;

    /// @throws UnsupportedModelException if there is no LSTM, or one that cannot be traced
    Probe(Graph graph) {
        layers =
                graph.nodes().stream()
                        .filter(n -> n.op().equals("LSTM"))
                        .map(n -> new LstmLayer(graph, n))
                        .toList();
        if (layers.isEmpty()) {
            throw new UnsupportedModelException(
                    graph.name() + " has no LSTM node, expected one to trace");
        }
        graph.inputs().forEach(input -> inputs.add(input.name()));
        model =
                Model.compile(
                        withOutputs(graph),
                        Options.defaults().kernels(Options.KernelSet.SCALAR)); // nothing to warm up
        session = model.open();
        state = model.newState();
    }

    private Graph withOutputs(Graph graph) {
        List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
        Set<String> there = new HashSet<>(inputs);
        outputs.forEach(output -> there.add(output.name()));
        for (LstmLayer layer : layers) {
            if (there.add(layer.x())) {
                outputs.add(new ValueInfo(layer.x(), DType.FLOAT32, null));
            }
        }
        return new Graph(
                graph.name(),
                graph.inputs(),
                outputs,
                graph.initializers(),
                graph.nodes(),
                graph.metadata());
    }

    List<LstmLayer> layers() {
        return layers;
    }

    MemorySegment input(String name) {
        return session.input(name);
    }

    float[] output(String name) {
        return floats(session.output(name));
    }

    State state() {
        return state;
    }

    float[] state(String tensor) {
        return floats(state.tensor(tensor));
    }

    /// Steps the model on what was put in its inputs.
    ///
    /// @return of each layer the gates, with the C and h that the model itself computed
    List<Gates> step() {
        List<float[]> h = layers.stream().map(layer -> state(layer.h())).toList();
        List<float[]> c = layers.stream().map(layer -> state(layer.c())).toList();
        session.step(state);
        List<Gates> gates = new ArrayList<>();
        for (int l = 0; l < layers.size(); l++) {
            LstmLayer layer = layers.get(l);
            float[] x =
                    floats(
                            inputs.contains(layer.x())
                                    ? session.input(layer.x())
                                    : session.output(layer.x()));
            Gates g = layer.step(x, h.get(l), c.get(l));
            gates.add(
                    new Gates(
                            g.forget(),
                            g.input(),
                            g.candidate(),
                            g.output(),
                            checked(g.cell(), state(layer.c())),
                            checked(g.hidden(), state(layer.h()))));
        }
        return gates;
    }

    private double[] checked(double[] computed, float[] models) {
        double[] values = new double[models.length];
        for (int u = 0; u < models.length; u++) {
            values[u] = models[u];
            deviation = Math.max(deviation, Math.abs(computed[u] - models[u]));
        }
        return values;
    }

    /// The largest difference so far between the h and C that the model computed and those that
    /// follow from the gates.
    double deviation() {
        return deviation;
    }

    private static float[] floats(MemorySegment s) {
        return s.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    @Override
    public void close() {
        state.close();
        session.close();
        model.close();
    }
}
