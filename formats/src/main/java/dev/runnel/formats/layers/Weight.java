package dev.runnel.formats.layers;

import dev.runnel.MalformedModelException;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

/// A tensor of a file of weights, by the name it has there.
///
/// @param file the file's name, with which messages begin
public record Weight(String file, String name, Tensor tensor) {
    public Shape shape() {
        return tensor.shape();
    }

    public int rank() {
        return tensor.shape().rank();
    }

    /// The extent along `axis`, which counts from 0.
    public int size(int axis) {
        return tensor.shape().size(axis);
    }

    /// This weight, if its shape is `dims`.
    ///
    /// @param formula what messages write of `dims`, such as `[4·H, H]`
    /// @param dims −1 for any extent
    /// @throws MalformedModelException if it is another, or has elements other than floats
    public Weight require(String formula, long... dims) {
        if (!tensor.dtype().isFloat()) {
            throw malformed("has no floats, expected a weight");
        }
        boolean fits = rank() == dims.length;
        for (int a = 0; fits && a < dims.length; a++) {
            long size = shape().dim(a);
            // What is larger no matrix of floats in memory is.
            fits = size <= Integer.MAX_VALUE / 64 && (dims[a] < 0 || size == dims[a]);
        }
        if (!fits) {
            StringBuilder want = new StringBuilder();
            for (long d : dims) {
                want.append(want.isEmpty() ? "" : ", ").append(d < 0 ? "?" : Long.toString(d));
            }
            throw malformed("has not the shape [" + want + "] = " + formula);
        }
        return this;
    }

    /// An exception that blames this tensor, to be thrown by the caller: `lstm.pt: tensor
    /// 'rnn.weight_hh_l0' float32[512, 64] has …`.
    public MalformedModelException malformed(String what) {
        return new MalformedModelException(
                file + ": tensor '" + name + "' " + tensor.type() + " " + what);
    }
}
