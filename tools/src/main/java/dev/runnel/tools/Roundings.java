package dev.runnel.tools;

import dev.runnel.graph.Rounding;

import java.util.List;
import java.util.Locale;

/// What weights lost when kernels packed them in fewer bits, as text for people.
final class Roundings {
    private Roundings() {}

    /// A line for each tensor, in the order of the nodes.
    static String text(List<Rounding> roundings) {
        StringBuilder s = new StringBuilder();
        for (Rounding r : roundings) {
            s.append("  ").append(r.node()).append("  ").append(r.tensor()).append("  ");
            s.append(r.precision().name().toLowerCase(Locale.ROOT));
            s.append(
                    r.max() == 0
                            ? "  none\n"
                            : String.format(
                                    Locale.ROOT,
                                    "  max |Δw| %.2e  mean %.2e\n",
                                    r.max(),
                                    r.mean()));
        }
        return s.toString();
    }
}
