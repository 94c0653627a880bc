package dev.runnel.formats.recipe;

import dev.runnel.formats.Checkpoint;
import dev.runnel.formats.layers.Weight;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// The tensors of a checkpoint as a recipe asks for them; knows which it has not asked for.
final class Tensors {
    private static final int LONGEST = 200;
    private final Checkpoint checkpoint;
    private final Set<String> used = new LinkedHashSet<>();

    Tensors(Checkpoint checkpoint) {
        this.checkpoint = checkpoint;
    }

    /// The tensor of that name, or null.
    ///
    /// @param by what asks, which messages about the tensor begin with
    @Nullable Weight find(String name, Yaml by) {
        Tensor t = checkpoint.tensors().get(name);
        if (t == null) {
            return null;
        }
        used.add(name);
        return new Weight(by.where() + ": " + checkpoint.name(), name, t);
    }

    /// The tensor of that name.
    ///
    /// @throws dev.runnel.MalformedModelException if there is none; names those that are like it
    Weight get(String name, Yaml by) {
        Weight found = find(name, by);
        if (found == null) {
            throw by.malformed("names tensor '" + name + "', " + absent(name));
        }
        return found;
    }

    /// What messages say of a name that is not there.
    String absent(String name) {
        if (checkpoint.tensors().isEmpty()) {
            return "but " + checkpoint.name() + " has no tensors";
        }
        String near =
                checkpoint.tensors().entrySet().stream()
                        .sorted(Comparator.comparingInt(e -> distance(name, e.getKey())))
                        .limit(3)
                        .map(e -> "'" + e.getKey() + "' " + e.getValue().shape())
                        .collect(Collectors.joining(", "));
        return "which " + checkpoint.name() + " has not; the nearest are " + near;
    }

    /// The names below `prefix`, in the file's order.
    List<String> below(String prefix) {
        List<String> names = new ArrayList<>();
        for (String name : checkpoint.tensors().keySet()) {
            if (prefix.isEmpty()
                    || name.startsWith(prefix + ".")
                    || name.startsWith(prefix + "/")) {
                names.add(name);
            }
        }
        return names;
    }

    List<String> unused() {
        return checkpoint.tensors().keySet().stream().filter(n -> !used.contains(n)).toList();
    }

    /// How many letters have to be added, removed or replaced to make one name of the other.
    static int distance(String a, String b) {
        String shorter = a.substring(0, Math.min(a.length(), LONGEST));
        String longer = b.substring(0, Math.min(b.length(), LONGEST));
        int[] row = new int[longer.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= shorter.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (shorter.charAt(i - 1) == longer.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[longer.length()];
    }
}
