package dev.runnel;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.internal.plan.Compilation;
import dev.runnel.internal.plan.NeedsInputs;
import dev.runnel.internal.plan.Plan;
import dev.runnel.internal.plan.StateLayout;
import dev.runnel.internal.plan.TimeAxis;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// A model's plans: the one of a step, made when compiling, and those of the shapes that
/// [Session#run] met, made on first use and kept. Thread-safe.
final class Plans {
    /// A plan takes some 2 kB of heap for each node and 8 for itself, so all that are kept together
    /// some 30 MB, unless it is for the fewest.
    private static final int KEPT_NODES = 16_384;

    private static final int FEWEST_KEPT = 64;
    private static final long[] PROBES = {2, 3, 16, 64, 512, 1024};

    /// So many steps that a graph which picks the first few of them is found out; fewer where it
    /// does not take so many.
    private static final long[] SEVERAL = {67, 5, 2};

    private record Key(Map<String, TensorType> types, Map<String, ByteBuffer> values) {}

    private final Compilation compilation;
    private final InputTypes inputs;
    private final Set<String> deciding = new TreeSet<>();
    private final Map<Key, Plan> plans =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Key, Plan> eldest) {
                    return size() > kept();
                }
            };
    private @Nullable Plan stepPlan;
    private @Nullable StateLayout stateLayout;
    private @Nullable String obstacle;
    private @Nullable TimeDimension time;

    /// The dimension of the inputs along which recurrences step.
    ///
    /// @param name for messages
    /// @param axes by input, the axis that has this dimension
    record TimeDimension(String name, Map<String, Integer> axes) {}

    Plans(Compilation compilation, Options options) {
        this.compilation = compilation;
        this.inputs = new InputTypes(compilation, options);
        makeStepPlan();
    }

    // ---- the step

    private void makeStepPlan() {
        Map<String, TensorType> types = inputs.stepTypes(Map.of());
        try {
            stepPlan = compilation.plan(types, Map.of());
            stateLayout = stepPlan.stateLayout();
        } catch (NeedsInputs e) {
            stateLayout = compilation.declaredStates(types);
            obstacle = "cannot step: " + e.getMessage() + "; fix it with Options.bind, or call run";
            return;
        } catch (MalformedModelException e) {
            stateLayout = compilation.declaredStates(types);
            obstacle = explained(e);
            return;
        }
        findTime();
    }

    /// A graph whose inputs leave dimensions open may fail with each of them 1, and be well all the
    /// same: looks whether it plans with other sizes.
    private String explained(MalformedModelException e) {
        Set<String> all = inputs.openDimensions().keySet();
        List<Set<String>> choices = new ArrayList<>();
        all.forEach(dim -> choices.add(Set.of(dim)));
        choices.add(all);
        for (Set<String> dims : choices) {
            for (long size : PROBES) {
                Map<String, Long> sizes = new HashMap<>();
                dims.forEach(dim -> sizes.put(dim, size));
                if (isPlannable(sizes)) {
                    return "cannot step with dimension"
                            + (dims.size() == 1 ? " " : "s ")
                            + dims.stream()
                                    .map(dim -> "'" + dim + "'")
                                    .collect(Collectors.joining(", "))
                            + " of the inputs 1: "
                            + e.getMessage()
                            + "; give the step's shape with Options.shape or Options.dimension, or"
                            + " call run";
                }
            }
        }
        throw e;
    }

    private boolean isPlannable(Map<String, Long> sizes) {
        try {
            compilation.plan(inputs.stepTypes(sizes), Map.of());
            return true;
        } catch (MalformedModelException | UnsupportedModelException other) {
            return false;
        } catch (NeedsInputs needs) {
            return true; // as well as can be known without values
        }
    }

    private void findTime() {
        Plan one = Objects.requireNonNull(stepPlan);
        for (Map.Entry<String, Map<String, Integer>> open : inputs.openDimensions().entrySet()) {
            Plan several = several(open.getKey());
            if (several != null && TimeAxis.isTime(one, several)) {
                time = new TimeDimension(open.getKey(), open.getValue());
                String why = TimeAxis.obstacle(one, several);
                obstacle = why == null ? null : "cannot step: " + why + "; call run(x, y)";
                return;
            }
        }
    }

    private @Nullable Plan several(String dim) {
        for (long size : SEVERAL) {
            try {
                return compilation.plan(inputs.stepTypes(Map.of(dim, size)), Map.of());
            } catch (MalformedModelException | UnsupportedModelException | NeedsInputs e) {
                // perhaps with fewer
            }
        }
        return null;
    }

    // ---- any shapes

    /// The plan for what a caller feeds: input types, and the values that decide shapes.
    ///
    /// @throws IllegalArgumentException if an input is missing, unknown or of a type the graph does
    ///   not allow
    synchronized Plan plan(Map<String, Tensor> fed) {
        return plan(inputs.fed(fed), fed);
    }

    /// The plan for input types alone.
    ///
    /// @throws IllegalArgumentException if it depends on values
    synchronized Plan planFor(Map<String, TensorType> given) {
        Map<String, TensorType> types = new TreeMap<>(inputs.stepTypes(Map.of()));
        types.putAll(given);
        if (!deciding.isEmpty()) {
            throw new IllegalArgumentException(
                    "shapes depend on the values of "
                            + deciding
                            + "; call run with tensors by name");
        }
        return plan(types, Map.of());
    }

    /// The plan of a sequence that long; null if no dimension of the inputs counts steps.
    ///
    /// @throws IllegalArgumentException if it depends on values
    synchronized @Nullable Plan sequence(long steps) {
        return time == null ? null : planFor(inputs.stepTypes(Map.of(time.name(), steps)));
    }

    private Plan plan(Map<String, TensorType> types, Map<String, Tensor> fed) {
        while (true) {
            Map<String, Tensor> known = new HashMap<>();
            Map<String, ByteBuffer> bytes = new TreeMap<>();
            for (String name : deciding) {
                Tensor t = Objects.requireNonNull(fed.get(name));
                byte[] copy = t.data().toArray(ValueLayout.JAVA_BYTE);
                bytes.put(name, ByteBuffer.wrap(copy));
                known.put(name, new Tensor(t.type(), MemorySegment.ofArray(copy)));
            }
            Key key = new Key(types, bytes);
            Plan plan = plans.get(key);
            if (plan != null) {
                return plan;
            }
            try {
                plan = compilation.plan(types, known);
            } catch (NeedsInputs e) {
                deciding.addAll(e.inputs());
                continue;
            } catch (UnsupportedModelException e) {
                if (stepPlan == null) {
                    throw e;
                }
                // The model is well with other shapes: these are the caller's.
                throw new IllegalArgumentException(
                        "cannot run inputs of " + types + ": " + e.getMessage() + advice(types), e);
            }
            requireSameStates(plan);
            plans.put(key, plan);
            return plan;
        }
    }

    /// What to do about inputs that ask for too much, to append to a message.
    String advice(Map<String, TensorType> types) {
        TimeDimension t = time;
        if (t == null) {
            return "";
        }
        long steps = 1;
        for (Map.Entry<String, Integer> axis : t.axes().entrySet()) {
            TensorType type = types.get(axis.getKey());
            steps = type == null ? steps : type.shape().dim(axis.getValue());
        }
        if (steps == 1) {
            return "";
        }
        return "; "
                + t.name()
                + " is "
                + steps
                + (obstacle == null ? ": run it in pieces, the state carries over" : "");
    }

    private void requireSameStates(Plan plan) {
        if (stateLayout == null) {
            stateLayout = plan.stateLayout();
        } else if (!stateLayout.equals(plan.stateLayout())) {
            throw new IllegalArgumentException(
                    "these inputs need a state of "
                            + plan.stateLayout().slots()
                            + ", the model's is "
                            + stateLayout.slots()
                            + "; a state belongs to one stream: step several streams as the rows of"
                            + " a session, or compile with Options.stateless()");
        }
    }

    // ---- what a model says of itself

    /// How many plans are kept at most.
    int kept() {
        return Math.max(FEWEST_KEPT, KEPT_NODES / (compilation.graph().nodes().size() + 4));
    }

    InputTypes inputs() {
        return inputs;
    }

    List<Port> outputs() {
        List<Port> ports = new ArrayList<>();
        Map<String, TensorType> types = stepPlan == null ? Map.of() : stepPlan.outputs();
        for (ValueInfo info : compilation.graph().outputs()) {
            if (!compilation.pairs().containsValue(info.name())) {
                TensorType type = types.get(info.name());
                ports.add(new Port(info.name(), info, type == null ? openType(info) : type));
            }
        }
        return ports;
    }

    private static TensorType openType(ValueInfo info) {
        List<ValueInfo.Dim> dims = info.dims() == null ? List.of() : info.dims();
        return new TensorType(
                info.dtype(),
                Shape.of(dims.stream().mapToLong(d -> d.isFixed() ? d.size() : 1).toArray()));
    }

    synchronized @Nullable StateLayout stateLayout() {
        return stateLayout;
    }

    @Nullable Plan stepPlan() {
        return stepPlan;
    }

    List<String> fusions() {
        return compilation.fusions();
    }

    Optional<String> stepObstacle() {
        return Optional.ofNullable(obstacle);
    }

    @Nullable TimeDimension time() {
        return time;
    }
}
