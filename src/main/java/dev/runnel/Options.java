package dev.runnel;

import dev.runnel.graph.Precision;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Crew;
import dev.runnel.internal.kernel.Kernels;

import org.jspecify.annotations.Nullable;

import java.util.HashMap;
import java.util.Map;

/// How to compile a model. Immutable; each method returns changed options.
///
/// ```java
/// Options.defaults().bind("sr", 16000).stateful()
/// ```
public final class Options {
    /// Which arithmetic to use; all give the same bits.
    public enum KernelSet {
        /// First [#SCALAR], then [#VECTOR]: plain Java answers at once, while vector code is slow
        /// and makes garbage until the JIT compiler has done with it. So a thread in the background
        /// steps a copy of its own until that is so, and then all sessions change over, between two
        /// of their steps. It starts with the second step; [Model#warmUp] waits for it. Where
        /// `jdk.incubator.vector` is not there the scalar kernels stay.
        AUTO,
        /// Plain Java.
        SCALAR,
        /// The Vector API from the first step on, or an exception where it is not there. Nothing
        /// runs in the background.
        VECTOR;

        /// The kernels for good; null if they change.
        @Nullable Kernels fixed() {
            return switch (this) {
                case AUTO -> Kernels.vectorPresent() ? null : Kernels.preferred();
                case SCALAR -> Kernels.scalar();
                case VECTOR -> {
                    if (!Kernels.vectorPresent()) {
                        throw new IllegalStateException(
                                "the vector kernels need the flag --add-modules"
                                        + " jdk.incubator.vector");
                    }
                    yield Kernels.vector();
                }
            };
        }
    }

    private static final long MEMORY_LIMIT = 1L << 30;

    private static final Options DEFAULTS =
            new Options(
                    Map.of(),
                    Map.of(),
                    Map.of(),
                    Map.of(),
                    false,
                    true,
                    KernelSet.AUTO,
                    null,
                    1,
                    MEMORY_LIMIT);

    private final Map<String, Tensor> bound;
    private final Map<String, Long> dimensions;
    private final Map<String, Shape> shapes;
    private final Map<String, String> states;
    private final boolean stateful;
    private final boolean pairing;
    private final KernelSet kernels;
    private final @Nullable Precision weights;
    private final int threads;
    private final long memoryLimit;

    private Options(
            Map<String, Tensor> bound,
            Map<String, Long> dimensions,
            Map<String, Shape> shapes,
            Map<String, String> states,
            boolean stateful,
            boolean pairing,
            KernelSet kernels,
            @Nullable Precision weights,
            int threads,
            long memoryLimit) {
        this.bound = bound;
        this.dimensions = dimensions;
        this.shapes = shapes;
        this.states = states;
        this.stateful = stateful;
        this.pairing = pairing;
        this.kernels = kernels;
        this.weights = weights;
        this.threads = threads;
        this.memoryLimit = memoryLimit;
    }

    /// Nothing bound, open dimensions 1, the states of recurrent nodes paired, not stateful,
    /// [KernelSet#AUTO], weights as the model stores them, one thread, a memory limit of 1 GiB.
    public static Options defaults() {
        return DEFAULTS;
    }

    private static <V> Map<String, V> with(Map<String, V> map, String key, V value) {
        Map<String, V> m = new HashMap<>(map);
        m.put(key, value);
        return Map.copyOf(m);
    }

    /// Fixes input `name` to a number, which takes the shape and element type the graph declares;
    /// the input leaves the port list, and what follows from it is folded when the model is
    /// compiled.
    public Options bind(String name, double value) {
        return bind(name, Tensor.ofDoubles(Shape.SCALAR, value));
    }

    /// Fixes input `name` to a tensor. Compiling throws [IllegalArgumentException] if there is no
    /// such input, or if its type or shape does not fit.
    public Options bind(String name, Tensor value) {
        return new Options(
                with(bound, name, value),
                dimensions,
                shapes,
                states,
                stateful,
                pairing,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// Fixes the symbolic dimension `symbol` of the graph's inputs to `size`. Compiling throws
    /// [IllegalArgumentException] if no input has it.
    ///
    /// @throws IllegalArgumentException if `size` is not positive
    public Options dimension(String symbol, long size) {
        if (size < 1) {
            throw new IllegalArgumentException(
                    "dimension '" + symbol + "' is " + size + ", expected at least 1");
        }
        return new Options(
                bound,
                with(dimensions, symbol, size),
                shapes,
                states,
                stateful,
                pairing,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// The shape of input `name` in one step of one stream, where the graph leaves it open; without
    /// it an open dimension is 1.
    public Options shape(String name, long... dims) {
        return new Options(
                bound,
                dimensions,
                with(shapes, name, Shape.of(dims)),
                states,
                stateful,
                pairing,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// Makes output `output` the value of input `input` in the next step: both leave the port list
    /// and live in the [State]. Pairs of a recurrent node's states are found without this.
    /// Compiling throws [IllegalArgumentException] if there is no such output or input, or if they
    /// are of different types.
    public Options state(String output, String input) {
        return new Options(
                bound,
                dimensions,
                shapes,
                with(states, input, output),
                stateful,
                pairing,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// Keeps the state of recurrent nodes whose initial state is absent or constant zero from step
    /// to step, instead of starting each call from zero.
    public Options stateful() {
        return new Options(
                bound,
                dimensions,
                shapes,
                states,
                true,
                pairing,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// Leaves every state input and output in the port list: each call is independent of the one
    /// before. Drops earlier [#state] and [#stateful]; calls after it apply.
    public Options stateless() {
        return new Options(
                bound,
                dimensions,
                shapes,
                Map.of(),
                false,
                false,
                kernels,
                weights,
                threads,
                memoryLimit);
    }

    /// Chooses the arithmetic, AUTO unless said otherwise. With VECTOR compiling throws
    /// [IllegalStateException] where the module of the Vector API is missing.
    public Options kernels(KernelSet set) {
        return new Options(
                bound,
                dimensions,
                shapes,
                states,
                stateful,
                pairing,
                set,
                weights,
                threads,
                memoryLimit);
    }

    /// Stores the constant weight matrices of RNN, GRU, LSTM, MatMul and Gemm so; unless said
    /// otherwise, with the model's very numbers: bf16 where they are bfloat16 cast to float32, else
    /// f32. Those that the model has as int8 with scales are f32 then, too: asked for INT8, the
    /// kernels' packing may add half a step to their error ([Precision#INT8]). Fewer bits pay where
    /// a step of one row waits for its weights: from a hidden size of 128 (bf16) or 256 (int8) on,
    /// more the larger; with 16 rows or more it can be slower (benchmarks/results, `Precision` and
    /// `PanelProducts`). All else stays what it is, and so does the arithmetic, float32:
    /// convolutions, Einsum, MatMul of two tensors that are fed, Gemm whose C is fed or has rows of
    /// its own (`[M, N]`), biases, weights that are fed, and matrices of MatMul and Gemm that are
    /// not float32. (Those of recurrent nodes are stored in fewer bits whatever their type; under
    /// F32, bfloat16 ones keep their two bytes.) The plan ([Model#describe]) says what was packed
    /// how. The results are another model's: a snapshot taken under one precision is refused under
    /// another.
    public Options weights(Precision precision) {
        return new Options(
                bound,
                dimensions,
                shapes,
                states,
                stateful,
                pairing,
                kernels,
                precision,
                threads,
                memoryLimit);
    }

    /// Lets `n` threads compute the large products of recurrent nodes, and of MatMul and Gemm with
    /// weights of fewer bits: whoever steps the session, and n − 1 threads of each session's own; 1
    /// unless said otherwise. The results have the same bits.
    ///
    /// Shared are products of 2¹⁸ weights × rows or more, as of an LSTM of 256 units at one row;
    /// smaller ones are left to the caller. Pays as long as there are cores with nothing else to
    /// do. The other threads start with the first large product, keep their cores busy for some 50
    /// µs after each one, then sleep, and end when the session is closed. So s open sessions have
    /// up to s · (n − 1) threads: where many streams keep all cores busy anyway, a session a core
    /// with one thread each does more. Takes scratch memory for each thread.
    ///
    /// @throws IllegalArgumentException if not in 1 … 64
    public Options threads(int n) {
        if (n < 1 || n > Crew.MOST) {
            throw new IllegalArgumentException(
                    "threads is "
                            + n
                            + ", expected 1 … "
                            + Crew.MOST
                            + "; at most one for each idle core pays");
        }
        return new Options(
                bound,
                dimensions,
                shapes,
                states,
                stateful,
                pairing,
                kernels,
                weights,
                n,
                memoryLimit);
    }

    /// The most bytes that one tensor, or a session's memory for one plan, may take; 1 GiB unless
    /// said otherwise. Keeps a file from claiming more memory than its user would grant. It is no
    /// total: weights, states, further sessions, and what a session keeps of its runs, 64 MiB at
    /// most, come on top.
    ///
    /// @throws IllegalArgumentException if not positive
    public Options memoryLimit(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException(
                    "memory limit is " + bytes + ", expected at least 1 byte");
        }
        return new Options(
                bound,
                dimensions,
                shapes,
                states,
                stateful,
                pairing,
                kernels,
                weights,
                threads,
                bytes);
    }

    Map<String, Tensor> bound() {
        return bound;
    }

    Map<String, Long> dimensions() {
        return dimensions;
    }

    Map<String, Shape> shapes() {
        return shapes;
    }

    /// Output by input.
    Map<String, String> states() {
        return states;
    }

    boolean isStateful() {
        return stateful;
    }

    boolean isPairing() {
        return pairing;
    }

    KernelSet kernels() {
        return kernels;
    }

    @Nullable Precision weights() {
        return weights;
    }

    int threads() {
        return threads;
    }

    long memoryLimit() {
        return memoryLimit;
    }
}
