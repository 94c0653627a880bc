package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Models;
import dev.runnel.graph.Attribute;
import dev.runnel.graph.Graph;
import dev.runnel.graph.Node;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
            List<Map<String, Tensor>> calls = new ArrayList<>();
            for (Case.DataSet set : sets) {
                calls.add(set.inputs(graph));
            }
            try (Replay replay = Replay.of(graph, options, carried, calls)) {
                for (int i = 0; i < calls.size(); i++) {
                    compare(sets.get(i), replay.run(calls.get(i)));
                }
            }
            return new Verdict.Passed(c.name(), sets.size(), maxAbs);
        }

        private void compare(Case.DataSet set, Map<String, Tensor> outputs)
                throws IOException, Disagreement {
            for (OutputPair pair : OutputPair.of(set, graph, outputs)) {
                Tensor want = pair.want();
                boolean given = atol != null || rtol != null;
                Tolerance t = given ? tolerance : tolerance.widenedFor(want.dtype());
                Tolerance.Comparison comparison = t.compare(pair.got(), want);
                maxAbs = Math.max(maxAbs, comparison.maxAbs());
                if (comparison.disagreement() != null) {
                    throw new Disagreement(pair.where() + comparison.disagreement());
                }
                if (want.dtype().isFloat()) {
                    deviations.computeIfAbsent(pair.name(), k -> new Deviation()).add(pair);
                }
            }
        }
    }
}
