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

/// A model's plans: the one of a step, made when compiling, and those of the shapes that
/// [Session#run] met, made on first use and kept. Thread-safe.
final class Plans {
    private static final int KEPT = 64;
    private static final long[] PROBES = {2, 3, 16, 64, 512, 1024};

    /// So many steps that a graph which picks the first few of them is found out; fewer where it
    /// does not take so many.
    private static final long[] SEVERAL = {67, 5, 2};

    private record Key(Map<String, TensorType> types, Map<String, ByteBuffer> values) {}

    private final Compilation compilation;
    private final Options options;
    private final Map<String, ValueInfo> declared = new LinkedHashMap<>();
    private final Set<String> deciding = new TreeSet<>();
    private final Map<Key, Plan> plans =
            new LinkedHashMap<>(16, 0.75f, true) {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Key, Plan> eldest) {
                    return size() > KEPT;
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
        this.options = options;
        for (ValueInfo info : compilation.graph().inputs()) {
            if (!compilation.isBound(info.name())) {
                declared.put(info.name(), info);
            }
        }
        for (Map.Entry<String, Shape> e : options.shapes().entrySet()) {
            ValueInfo info = declared.get(e.getKey());
            if (info == null) {
                throw new IllegalArgumentException(
                        "Options.shape names input '"
                                + e.getKey()
                                + "', which "
                                + compilation.graph().name()
                                + " does not have; its inputs are "
                                + declared.keySet());
            }
            requireFit(info, new TensorType(info.dtype(), e.getValue()));
        }
        requireKnown(options.dimensions().keySet());
        makeStepPlan();
    }

    private void requireKnown(Set<String> symbols) {
        Set<String> known = new TreeSet<>();
        for (ValueInfo info : compilation.graph().inputs()) {
            for (ValueInfo.Dim d : info.dims() == null ? List.<ValueInfo.Dim>of() : info.dims()) {
                if (!d.isFixed() && !d.symbol().isEmpty()) {
                    known.add(d.symbol());
                }
            }
        }
        for (String symbol : symbols) {
            if (!known.contains(symbol)) {
                throw new IllegalArgumentException(
                        "Options.dimension names dimension '"
                                + symbol
                                + "', which no input of "
                                + compilation.graph().name()
                                + " has; theirs are "
                                + known);
            }
        }
    }

    // ---- the step

    private void makeStepPlan() {
        Map<String, TensorType> types = stepTypes(Map.of());
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
        Set<String> all = openDimensions().keySet();
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
                                    .collect(java.util.stream.Collectors.joining(", "))
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
            compilation.plan(stepTypes(sizes), Map.of());
            return true;
        } catch (MalformedModelException | UnsupportedModelException other) {
            return false;
        } catch (NeedsInputs needs) {
            return true; // as well as can be known without values
        }
    }

    private void findTime() {
        Plan one = java.util.Objects.requireNonNull(stepPlan);
        for (Map.Entry<String, Map<String, Integer>> open : openDimensions().entrySet()) {
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
                return compilation.plan(stepTypes(Map.of(dim, size)), Map.of());
            } catch (MalformedModelException | UnsupportedModelException | NeedsInputs e) {
                // perhaps with fewer
            }
        }
        return null;
    }

    /// The dimensions that neither the graph nor the options fix: for each the inputs that have it,
    /// and where. An unnamed one is called after its place.
    private Map<String, Map<String, Integer>> openDimensions() {
        Map<String, Map<String, Integer>> open = new LinkedHashMap<>();
        for (ValueInfo info : declared.values()) {
            if (info.dims() == null || options.shapes().containsKey(info.name())) {
                continue;
            }
            for (int a = 0; a < info.dims().size(); a++) {
                ValueInfo.Dim d = info.dims().get(a);
                if (!d.isFixed() && !options.dimensions().containsKey(d.symbol())) {
                    String name = dimensionName(info, a);
                    open.putIfAbsent(name, new HashMap<>());
                    Objects.requireNonNull(open.get(name)).put(info.name(), a);
                }
            }
        }
        return open;
    }

    private static String dimensionName(ValueInfo info, int axis) {
        ValueInfo.Dim d = Objects.requireNonNull(info.dims()).get(axis);
        return d.symbol().isEmpty() ? info.name() + "[" + axis + "]" : d.symbol();
    }

    /// The types of all inputs and states in one step of one stream; open dimensions are 1 unless
    /// `sizes` says otherwise.
    private Map<String, TensorType> stepTypes(Map<String, Long> sizes) {
        Map<String, TensorType> types = new LinkedHashMap<>();
        for (ValueInfo info : declared.values()) {
            types.put(info.name(), stepType(info, sizes));
        }
        return types;
    }

    private TensorType stepType(ValueInfo info, Map<String, Long> sizes) {
        Shape given = options.shapes().get(info.name());
        if (given != null) {
            return new TensorType(info.dtype(), given);
        }
        if (info.dims() == null) {
            throw new UnsupportedModelException(
                    compilation.graph().name()
                            + ": input '"
                            + info.name()
                            + "' has no declared rank; give its shape with Options.shape");
        }
        long[] dims = new long[info.dims().size()];
        for (int a = 0; a < dims.length; a++) {
            ValueInfo.Dim d = info.dims().get(a);
            dims[a] =
                    d.isFixed()
                            ? d.size()
                            : options.dimensions()
                                    .getOrDefault(
                                            d.symbol(),
                                            sizes.getOrDefault(dimensionName(info, a), 1L));
        }
        return new TensorType(info.dtype(), Shape.of(dims));
    }

    // ---- any shapes

    /// The plan for what a caller feeds: input types, and the values that decide shapes.
    ///
    /// @throws IllegalArgumentException if an input is missing, unknown or of a type the graph does
    ///   not allow
    synchronized Plan plan(Map<String, Tensor> inputs) {
        Map<String, TensorType> types = new TreeMap<>();
        for (ValueInfo info : declared.values()) {
            if (compilation.pairs().containsKey(info.name())) {
                types.put(info.name(), stepType(info, Map.of()));
            }
        }
        Map<String, Long> symbols = new HashMap<>(options.dimensions());
        for (ValueInfo info : feeds()) {
            Tensor fed = inputs.get(info.name());
            if (fed == null) {
                throw new IllegalArgumentException(
                        "input '" + info.name() + "' is missing, expected " + info.typeText());
            }
            requireFit(info, fed.type());
            requireEqualSymbols(info, fed.type(), symbols);
            types.put(info.name(), fed.type());
        }
        for (String name : inputs.keySet()) {
            if (!types.containsKey(name) || compilation.pairs().containsKey(name)) {
                throw new IllegalArgumentException(
                        "there is no input '"
                                + name
                                + "' to feed"
                                + (compilation.pairs().containsKey(name)
                                        ? ": it lives in the state"
                                        : "")
                                + "; inputs are "
                                + feeds().stream().map(ValueInfo::name).toList());
            }
        }
        return plan(types, inputs);
    }

    /// The plan for input types alone.
    ///
    /// @throws IllegalArgumentException if it depends on values
    synchronized Plan planFor(Map<String, TensorType> inputs) {
        Map<String, TensorType> types = new TreeMap<>(stepTypes(Map.of()));
        types.putAll(inputs);
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
        return time == null ? null : planFor(stepTypes(Map.of(time.name(), steps)));
    }

    private Plan plan(Map<String, TensorType> types, Map<String, Tensor> inputs) {
        while (true) {
            Map<String, Tensor> known = new HashMap<>();
            Map<String, ByteBuffer> bytes = new TreeMap<>();
            for (String name : deciding) {
                Tensor t = java.util.Objects.requireNonNull(inputs.get(name));
                byte[] copy = t.data().toArray(ValueLayout.JAVA_BYTE);
                bytes.put(name, ByteBuffer.wrap(copy));
                known.put(
                        name, new Tensor(t.type(), java.lang.foreign.MemorySegment.ofArray(copy)));
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
            }
            requireSameStates(plan);
            plans.put(key, plan);
            return plan;
        }
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

    private void requireFit(ValueInfo info, TensorType type) {
        boolean fits = info.dtype() == type.dtype();
        if (info.dims() != null) {
            fits &= info.dims().size() == type.shape().rank();
            for (int a = 0; fits && a < info.dims().size(); a++) {
                ValueInfo.Dim d = info.dims().get(a);
                fits = !d.isFixed() || d.size() == type.shape().dim(a);
            }
        }
        if (!fits) {
            throw new IllegalArgumentException(
                    "input '" + info.name() + "' is " + type + ", expected " + info.typeText());
        }
    }

    private static void requireEqualSymbols(
            ValueInfo info, TensorType type, Map<String, Long> symbols) {
        for (int a = 0; info.dims() != null && a < info.dims().size(); a++) {
            String symbol = info.dims().get(a).symbol();
            long size = type.shape().dim(a);
            Long other = symbol.isEmpty() ? null : symbols.putIfAbsent(symbol, size);
            if (other != null && other != size) {
                throw new IllegalArgumentException(
                        "input '"
                                + info.name()
                                + "' is "
                                + type
                                + ", expected "
                                + info.typeText()
                                + " with "
                                + symbol
                                + " = "
                                + other
                                + " as elsewhere");
            }
        }
    }

    // ---- what a model says of itself

    private List<ValueInfo> feeds() {
        return declared.values().stream()
                .filter(i -> !compilation.pairs().containsKey(i.name()))
                .toList();
    }

    List<Port> inputs() {
        return feeds().stream().map(i -> new Port(i.name(), i, stepType(i, Map.of()))).toList();
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

    ValueInfo declared(String name, TensorType type) {
        ValueInfo info = declared.get(name);
        return info != null ? info : ValueInfo.of(name, type);
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
