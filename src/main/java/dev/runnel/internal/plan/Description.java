package dev.runnel.internal.plan;

import dev.runnel.graph.TensorType;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/// A plan as text.
final class Description {
    private final Plan plan;
    private final StringBuilder text = new StringBuilder();

    private Description(Plan plan) {
        this.plan = plan;
    }

    static String of(Plan plan) {
        Description d = new Description(plan);
        plan.inputs().forEach((name, t) -> d.line("in     %s: %s", name, t));
        plan.stateLayout().slots().forEach(s -> d.line("state  %s: %s", s.name(), s.type()));
        d.items(plan.items(), "");
        plan.outputs().forEach((name, t) -> d.line("out    %s: %s", name, t));
        d.line(
                "a row: %s of intermediate tensors, %s of state",
                bytes(plan.rowBytes()), bytes(plan.stateLayout().bytes()));
        return d.text.toString();
    }

    private void items(List<Item> items, String indent) {
        int n = 0;
        for (Item item : items) {
            String number = indent + String.format(Locale.ROOT, "%3d", n++);
            switch (item) {
                case Item.Compute c -> {
                    String what = c.program().description();
                    line(
                            "%s  %-12s %s -> %s%s",
                            number,
                            c.node().op(),
                            types(
                                    c.inputs().stream()
                                            .filter(Objects::nonNull)
                                            .map(v -> v.type)
                                            .toList()),
                            c.outputs().stream()
                                    .filter(Objects::nonNull)
                                    .map(v -> v + place(v))
                                    .collect(Collectors.joining(", ")),
                            what.isEmpty() ? "" : "  (" + what + ")");
                }
                case Item.Copy(Value from, Value to) ->
                        line("%s  %-12s %s -> %s%s", number, "copy", from, to, place(to));
                case Item.Choose c -> {
                    line("%s  %-12s %s", number, "If", c.condition().name);
                    items(c.then(), indent + "    then ");
                    items(c.otherwise(), indent + "    else ");
                }
                case Item.Part p ->
                        line(
                                "%s  %-12s %s[%s] of axis %d -> %s",
                                number,
                                p.writes() ? "put" : "take",
                                p.writes() ? p.part() : p.whole(),
                                p.reverse() ? "-i" : "i",
                                p.axis(),
                                p.writes() ? p.whole() : p.part());
                case Item.Repeat r -> {
                    line("%s  %-12s %s", number, r.node().op(), times(r));
                    items(r.first(), indent + "    first ");
                    items(r.body(), indent + "    again ");
                }
            }
        }
    }

    private static String times(Item.Repeat r) {
        Value count = r.count();
        String most =
                count == null
                        ? ""
                        : (count.tensor == null ? count.name : count.tensor.getLong(0)) + " times";
        Value again = r.again();
        return again == null ? most : (most.isEmpty() ? "" : most + ", ") + "while " + again.name;
    }

    private String place(Value v) {
        Value root = v.root();
        if (plan.outputPort(root) != null
                || plan.stateOffset(root) != null
                || root.tensor != null) {
            return "";
        }
        return " @" + plan.blockOffset(root);
    }

    private static String types(List<TensorType> types) {
        return types.stream().map(TensorType::toString).collect(Collectors.joining(", "));
    }

    static String bytes(long n) {
        return n < 10_000 ? n + " B" : n < 10_000_000 ? n / 1000 + " kB" : n / 1_000_000 + " MB";
    }

    private void line(String format, Object... arguments) {
        text.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
