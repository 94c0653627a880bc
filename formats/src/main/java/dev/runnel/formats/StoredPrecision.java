package dev.runnel.formats;

import dev.runnel.formats.precision.Narrowing;
import dev.runnel.formats.precision.Widening;
import dev.runnel.graph.DType;
import dev.runnel.graph.Graph;

import java.util.function.Consumer;

/// As what the weights of a graph are stored: those of RNN, GRU, LSTM, MatMul and Gemm, and the
/// tables that Gather reads.
///
/// A graph says so in the vocabulary it has: a weight of 16 bits is an initializer of that type and
/// a `Cast` to float32; one of 8 bits is an int8 initializer and one of scales, a
/// `DequantizeLinear` of both and, for weights of three axes, a `Reshape`. So any runtime of ONNX
/// computes with the same values.
public enum StoredPrecision {
    /// Four bytes a weight.
    F32(DType.FLOAT32),

    /// Two bytes a weight: the nearest bfloat16, ties to even. Relative error ≤ 2⁻⁸.
    BF16(DType.BFLOAT16),

    /// Two bytes a weight: the nearest float16, ties to even. Relative error ≤ 2⁻¹¹ from 2⁻¹⁴ on;
    /// absolute error ≤ 2⁻²⁵ below.
    F16(DType.FLOAT16),

    /// One byte a weight, −127 … 127, and a scale for each sum, `max |w| / 127`. The rows of W and
    /// R that a gate adds up are one sum. Error ≤ scale / 2. Tables of Gather stay as they are.
    ///
    /// A model computes with just these numbers, in float32, unless `Options.weights` asks for int8
    /// kernels: their packing ([dev.runnel.graph.Precision#INT8]) may add half a step.
    INT8(DType.INT8);

    private final DType dtype;

    StoredPrecision(DType dtype) {
        this.dtype = dtype;
    }

    /// `graph` with its weights stored as this says. Weights that are so already stay to the bit;
    /// others that are stored in fewer bits are first what they stand for. A weight stays float32
    /// if it has an infinity or NaN and should be int8, or has a finite number that would become an
    /// infinity.
    ///
    /// Only weights that are constant, float32 and of two axes (MatMul, Gemm; any for 16 bits) or
    /// three (RNN, GRU, LSTM) are stored in fewer bits, in whatever branch or loop they are; also
    /// those that nodes only move on the way to their layer (`Transpose`, `Slice`, `Concat`, …).
    /// For int8 each of the layer's sums has to come from one row, or one column, of its weights.
    public Graph store(Graph graph) {
        return store(graph, _ -> {});
    }

    /// As [#store(Graph)].
    ///
    /// @param kept is told the names of the weights that stay float32 for the values they have
    public Graph store(Graph graph, Consumer<String> kept) {
        Graph wide = new Widening(dtype).of(graph);
        return this == F32 ? wide : new Narrowing(wide, dtype, kept).result();
    }
}
