package dev.runnel;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.graph.ValueInfo;
import dev.runnel.internal.plan.Compilation;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// What a model's inputs may be: as the graph declares them, and as the options fix what it leaves
/// open. Immutable.
final class InputTypes {
    private final Compilation compilation;
    private final Options options;
    private final Map<String, ValueInfo> declared = new LinkedHashMap<>();

    /// @throws IllegalArgumentException if the options name what the graph does not have
    InputTypes(Compilation compilation, Options options) {
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

    /// The dimensions that neither the graph nor the options fix: for each the inputs that have it,
    /// and where. An unnamed one is called after its place.
    Map<String, Map<String, Integer>> openDimensions() {
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
    Map<String, TensorType> stepTypes(Map<String, Long> sizes) {
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

    // ---- what is fed

    /// The types of what a caller feeds, and of the states beside it.
    ///
    /// @throws IllegalArgumentException if an input is missing, unknown or of a type the graph does
    ///   not allow
    Map<String, TensorType> fed(Map<String, Tensor> inputs) {
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
                throw unknown(name);
            }
        }
        return types;
    }

    /// What to throw where `name` is not an input that a caller feeds.
    IllegalArgumentException unknown(String name) {
        return new IllegalArgumentException(
                "there is no input '"
                        + name
                        + "' to feed"
                        + (compilation.pairs().containsKey(name) ? ": it lives in the state" : "")
                        + "; inputs are "
                        + feeds().stream().map(ValueInfo::name).toList());
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

    /// The inputs that a caller feeds: all but those that are bound or live in the state.
    List<ValueInfo> feeds() {
        return declared.values().stream()
                .filter(i -> !compilation.pairs().containsKey(i.name()))
                .toList();
    }

    List<Port> ports() {
        return feeds().stream().map(i -> new Port(i.name(), i, stepType(i, Map.of()))).toList();
    }

    ValueInfo declared(String name, TensorType type) {
        ValueInfo info = declared.get(name);
        return info != null ? info : ValueInfo.of(name, type);
    }
}
