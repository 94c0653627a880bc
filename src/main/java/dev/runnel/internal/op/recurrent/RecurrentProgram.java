package dev.runnel.internal.op.recurrent;

import dev.runnel.graph.DType;
import dev.runnel.graph.Precision;
import dev.runnel.graph.Tensor;
import dev.runnel.internal.kernel.Kernels;
import dev.runnel.internal.kernel.Lanes;
import dev.runnel.internal.kernel.PackingError;
import dev.runnel.internal.kernel.PanelLayout;
import dev.runnel.internal.kernel.Panels;
import dev.runnel.internal.memory.Weights;
import dev.runnel.internal.op.Bench;
import dev.runnel.internal.op.Call;
import dev.runnel.internal.op.Program;
import dev.runnel.internal.op.Step;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// A recurrent node with its weights packed, or, where they are fed, ready to pack them in each
/// run.
final class RecurrentProgram implements Program {
    /// One direction's weights.
    ///
    /// @param second null unless a second product follows
    record Matrices(Panels first, @Nullable Panels second) {
        /// See [Panels#excerpt].
        Matrices excerpt() {
            return new Matrices(first.excerpt(), second == null ? null : second.excerpt());
        }
    }

    final Cell cell;
    final String where;
    final boolean peepholes;
    final Precision precision;
    final PanelLayout first;
    final @Nullable PanelLayout second;

    /// For each direction its packed weights; empty if they are fed.
    final List<Matrices> packed;

    /// What they were packed from.
    private final List<GateWeights> gates = new ArrayList<>();

    RecurrentProgram(Cell cell, Call call) {
        this.cell = cell;
        where = call.where();
        peepholes = call.has(Cell.P);
        int width = Kernels.panelWidth();
        precision = isConstant(call) ? precision(cell, call) : Precision.F32;
        first = GateWeights.first(cell, width, precision);
        second = GateWeights.hasSecond(cell) ? GateWeights.second(cell, width, precision) : null;
        packed = pack(call, width);
    }

    /// bfloat16 weights lose nothing by staying what they are.
    private static Precision precision(Cell cell, Call call) {
        Precision p = call.precision(Cell.W, Cell.R);
        return cell.dtype() == DType.BFLOAT16 && p == Precision.F32 ? Precision.BF16 : p;
    }

    private static boolean isConstant(Call call) {
        return call.constant(Cell.W) != null
                && call.constant(Cell.R) != null
                && (!call.has(Cell.B) || call.constant(Cell.B) != null)
                && (!call.has(Cell.PROJECTION) || call.constant(Cell.PROJECTION) != null);
    }

    private List<Matrices> pack(Call call, int width) {
        Tensor w = call.constant(Cell.W);
        Tensor r = call.constant(Cell.R);
        Tensor b = call.constant(Cell.B);
        if (w == null || r == null || !isConstant(call)) {
            return List.of();
        }
        Tensor p = call.constant(Cell.PROJECTION);
        List<Tensor> sources = new ArrayList<>();
        for (Tensor source : new @Nullable Tensor[] {w, r, b, p}) {
            if (source != null) {
                sources.add(source);
            }
        }
        List<Matrices> all = new ArrayList<>();
        for (int d = 0; d < cell.directions(); d++) {
            boolean halved = isUsual(d);
            GateWeights gates = new GateWeights(cell, halved).of(d, w.data(), 0, r.data(), 0);
            if (b != null) {
                gates.bias(d, b.data(), 0);
            }
            if (p != null) {
                gates.projection(d, p.data(), 0);
            }
            this.gates.add(gates);
            String name = name(width, halved, d);
            Weights to = call.weights();
            all.add(
                    new Matrices(
                            first.pack(to, name + "1", sources, gates.first),
                            second == null
                                    ? null
                                    : second.pack(to, name + "2", sources, gates.second)));
        }
        return all;
    }

    /// Everything on which the packed bytes depend besides the tensors.
    private String name(int width, boolean halved, int d) {
        return String.join(
                " ",
                cell.type().name(),
                precision.name(),
                cell.linearBeforeReset() ? "linear" : cell.projected() ? "projected" : "",
                halved ? "halved" : "",
                Integer.toString(width),
                Integer.toString(d),
                "");
    }

    /// Whether the kernels' own passes serve direction `d`.
    boolean isUsual(int d) {
        return cell.isUsual(d, peepholes);
    }

    boolean isFed() {
        return packed.isEmpty();
    }

    @Override
    public Map<Integer, PackingError> packingErrors() {
        if (isFed() || precision == Precision.F32) {
            return Map.of();
        }
        Map<Integer, PackingError> errors = new TreeMap<>();
        errors.put(Cell.W, new PackingError(precision));
        errors.put(Cell.R, new PackingError(precision));
        if (cell.projected()) {
            errors.put(Cell.PROJECTION, new PackingError(precision));
        }
        for (int d = 0; d < packed.size(); d++) {
            Matrices m = packed.get(d);
            gates.get(d).compareFirst(first, m.first(), errors);
            if (second != null && m.second() != null) {
                gates.get(d).compareSecond(second, m.second(), errors);
            }
        }
        return errors;
    }

    @Override
    public boolean reads(int i) {
        return isFed() || i != Cell.W && i != Cell.R && i != Cell.B && i != Cell.PROJECTION;
    }

    /// The second direction reads X after the first has written its part of the states.
    @Override
    public boolean readsFirst() {
        return cell.directions() == 1;
    }

    // ---- scratch, one part behind the other: lanes, peepholes, a chunk's lanes, fed weights

    /// So many lanes at most take W·x at once. Each chunk reads W anew: an LSTM of 1024 runs 100
    /// steps in 6 percent less time in one chunk than in four.
    private static final int CHUNK_LANES = 128;

    /// How many steps take W·x at once, in chunks as even as can be; 0 for each its own.
    int chunkSteps(int rows) {
        int most = CHUNK_LANES / Math.max(1, rows * cell.batch());
        if (most < 2 || cell.steps() < 2) {
            return 0;
        }
        return Math.ceilDiv(cell.steps(), Math.ceilDiv(cell.steps(), most));
    }

    Lanes lanes(MemorySegment scratch, int rows) {
        Lanes lanes =
                Lanes.of(
                        scratch,
                        rows * cell.batch(),
                        cell.inputSize(),
                        cell.hiddenSize(),
                        GateWeights.inputs(cell),
                        GateWeights.columns(cell));
        return cell.projected() ? lanes.withProjection(cell.outputSize()) : lanes;
    }

    long peepholesAt(int rows) {
        return Lanes.byteSize(
                rows * cell.batch(),
                cell.hiddenSize(),
                GateWeights.inputs(cell),
                GateWeights.columns(cell));
    }

    private long chunkAt(int rows) {
        return peepholesAt(rows) + (peepholes ? 12L * cell.hiddenSize() + 63 & -64 : 0);
    }

    Lanes chunk(MemorySegment scratch, int rows) {
        return Lanes.ofInputs(
                scratch,
                chunkAt(rows),
                chunkSteps(rows) * rows * cell.batch(),
                cell.inputSize(),
                GateWeights.columns(cell));
    }

    private long firstAt(int rows) {
        int lanes = chunkSteps(rows) * rows * cell.batch();
        return chunkAt(rows)
                + Lanes.byteSizeOfInputs(lanes, cell.inputSize(), GateWeights.columns(cell));
    }

    private long secondAt(int rows) {
        return firstAt(rows) + (isFed() ? first.byteSize() : 0);
    }

    @Override
    public long scratchBytes(int rows) {
        return secondAt(rows) + (isFed() && second != null ? second.byteSize() : 0);
    }

    /// Where the weights of one row and direction are packed if they are fed.
    Matrices fed(MemorySegment scratch, int rows) {
        return new Matrices(
                first.over(scratch.asSlice(firstAt(rows))),
                second == null ? null : second.over(scratch.asSlice(secondAt(rows))));
    }

    @Override
    public String description() {
        long bytes =
                (first.byteSize() + (second == null ? 0 : second.byteSize())) * cell.directions();
        return "I="
                + cell.inputSize()
                + " H="
                + cell.hiddenSize()
                + (cell.projected() ? " P=" + cell.outputSize() : "")
                + (cell.directions() == 2
                        ? " bidirectional"
                        : cell.reverse().getFirst() ? " reverse" : "")
                + (isFed() ? " weights fed" : " packed " + bytes + " bytes")
                + (precision == Precision.F32 ? "" : " " + precision);
    }

    @Override
    public Step bind(Bench bench) {
        return new RecurrentStep(this, bench);
    }
}
