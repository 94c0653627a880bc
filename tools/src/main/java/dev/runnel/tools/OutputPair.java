package dev.runnel.tools;

import dev.runnel.graph.Graph;
import dev.runnel.graph.Tensor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// An output beside the one that is wanted, of the same type and shape: what there is to compare,
/// for whoever compares.
///
/// @param where what messages about it begin with: `set 0 output 'y': `
record OutputPair(String where, String name, Tensor got, Tensor want) {
    /// The outputs of a call on a data set beside the stored ones.
    ///
    /// @throws Disagreement if none is stored, or one is missing or of another type or shape
    /// @throws IOException if a file cannot be read
    static List<OutputPair> of(Case.DataSet set, Graph graph, Map<String, Tensor> got)
            throws IOException, Disagreement {
        Map<String, Tensor> want = set.outputs(graph);
        String where = "set " + set.index() + " ";
        if (want.isEmpty()) {
            throw new Disagreement(where + "has no output_0.pb or output_0.npy");
        }
        return of(where, want, got);
    }

    /// The outputs of a call beside others.
    ///
    /// @param call what messages call it, and a blank; or empty
    /// @throws Disagreement if one is missing or of another type or shape
    static List<OutputPair> of(String call, Map<String, Tensor> want, Map<String, Tensor> got)
            throws Disagreement {
        List<OutputPair> pairs = new ArrayList<>();
        for (Map.Entry<String, Tensor> entry : want.entrySet()) {
            String where = call + "output '" + entry.getKey() + "': ";
            Tensor g = got.get(entry.getKey());
            Tensor w = entry.getValue();
            if (g == null) {
                throw new Disagreement(where + "is not among the outputs " + got.keySet());
            }
            String mismatch = Tolerance.mismatch(g, w);
            if (mismatch != null) {
                throw new Disagreement(where + mismatch);
            }
            pairs.add(new OutputPair(where, entry.getKey(), g, w));
        }
        return pairs;
    }
}
