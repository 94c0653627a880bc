package dev.runnel.internal.op.recurrent;

import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Operator;
import dev.runnel.internal.op.Program;
import dev.runnel.internal.op.recurrent.Cell.Type;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// RNN-22, GRU-22 and LSTM-22, with every attribute and input of the standard.
///
/// | operand | shape | |
/// |---|---|---|
/// | X | \[T, N, I\] | batch first \[N, T, I\] |
/// | W, R, B | \[D, G·H, I\], \[D, G·H, H\], \[D, 2·G·H\] | gates in the order iofc (LSTM), zrh (GRU) |
/// | sequence_lens | \[N\], int32 | steps of each batch entry; what follows is 0 in Y |
/// | initial_h, initial_c | \[D, N, H\] | batch first \[N, D, H\]; 0 if absent |
/// | P | \[D, 3·H\] | LSTM's peepholes, in the order iof |
/// | Y | \[T, D, N, H\] | batch first \[N, T, D, H\] |
/// | Y_h, Y_c | as initial_h | after each batch entry's last step |
///
/// Beside the standard's there is `dev.runnel.LSTM`, an LSTM with projection (LSTMP; Sak et al.
/// 2014, as PyTorch's `proj_size`): h = W_p · (o ⊙ tanh(c)). It has a ninth input, W_p \[D, P, H\];
/// R is \[D, 4·H, P\], and initial_h, Y and Y_h have P for H.
///
/// Where the standard is silent, ONNX Runtime is followed: a batch entry of length 0 ends in the
/// state 0, whatever it started from, and `clip` bounds the sums that enter LSTM's gates, not the
/// cell state on its way to h.
///
/// Sums are float32 whatever the element type: other types are converted where they come in and go
/// out, and states of 16 bits are rounded after each time step. Y_h and Y_c may lie where initial_h
/// and initial_c do.
public final class Recurrent implements Operator {
    private final Type type;
    private final boolean projected;

    private Recurrent(Type type, boolean projected) {
        this.type = type;
        this.projected = projected;
    }

    /// The operator of that name, if it is one of this family.
    public static @Nullable Operator of(String name) {
        return switch (name) {
            case "RNN" -> new Recurrent(Type.RNN, false);
            case "GRU" -> new Recurrent(Type.GRU, false);
            case "LSTM" -> new Recurrent(Type.LSTM, false);
            case "dev.runnel.LSTM" -> new Recurrent(Type.LSTM, true);
            default -> null;
        };
    }

    @Override
    public List<TensorType> infer(Call call) {
        Cell cell = Cell.of(type, projected, call);
        long t = cell.steps();
        long n = cell.batch();
        long d = cell.directions();
        long h = cell.outputSize();
        Shape y = cell.batchFirst() ? call.shapeOf(n, t, d, h) : call.shapeOf(t, d, n, h);
        List<TensorType> types = new ArrayList<>();
        types.add(new TensorType(cell.dtype(), y));
        types.add(state(call, cell, h));
        if (type == Type.LSTM) {
            types.add(state(call, cell, cell.hiddenSize()));
        }
        Tensor lengths = call.constant(Cell.LENGTHS);
        if (lengths != null) {
            for (long length : lengths.toLongs()) {
                if (length < 0 || length > t) {
                    throw call.malformed(
                            "sequence_lens has a " + length + ", expected 0 … " + t + " = T");
                }
            }
        }
        return types;
    }

    private static TensorType state(Call call, Cell cell, long size) {
        long n = cell.batch();
        long d = cell.directions();
        return new TensorType(
                cell.dtype(),
                cell.batchFirst() ? call.shapeOf(n, d, size) : call.shapeOf(d, n, size));
    }

    @Override
    public Program compile(Call call) {
        return new RecurrentProgram(Cell.of(type, projected, call), call);
    }

    @Override
    public @Nullable String timeObstacle(Call call, int[] in, int[] out) {
        Cell cell = Cell.of(type, projected, call);
        for (int i = 1; i < in.length; i++) {
            boolean state = i == Cell.H0 || i == Cell.C0;
            if (in[i] >= 0 && !state) {
                return "has weights or lengths that differ from step to step";
            }
        }
        int batchAxis = cell.batchFirst() ? 0 : 1;
        if (in[0] == batchAxis) {
            return null; // Each step is a sequence of its own.
        }
        if (in[0] != 1 - batchAxis) {
            return "mixes time steps";
        }
        if (cell.reverse().contains(true)) {
            String direction = cell.directions() == 2 ? "bidirectional" : "reverse";
            return "is " + direction + " and needs the whole sequence";
        }
        return call.has(Cell.LENGTHS)
                ? "has sequence_lens, which count the steps of the whole sequence"
                : null;
    }
}
