package dev.runnel.benchmarks;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What every engine is given to compute in one call: one recurrent layer with I = H, on `rows`
/// streams for `steps` steps, from the states that the call before left.
///
/// Weights, in ONNX's order (LSTM `iofc`, GRU `zrh`): `w[G·H, I]`, `r[G·H, H]`, `b[2·G·H]`; the
/// same numbers for the same layer, whoever asks.
///
/// @param op `LSTM`, `GRU`, `RNN`
/// @param linearBeforeReset GRU only: the variant of cuDNN, Keras and PyTorch
/// @param size I and H
/// @param rows streams in a call, N
/// @param steps steps in a call, T
/// @param weights how they are stored
public record Workload(
        String op, boolean linearBeforeReset, int size, int rows, int steps, Weights weights) {

    /// How weights are stored; the largest difference to f32 that passes for the same computation.
    ///
    /// With `INT8` peers also keep x and h in 8 bits, of which a step is 1/127 where they stand for
    /// −1 … 1: half of it for the last rounding, and as much again for weights and earlier steps.
    public enum Weights {
        F32(1e-4f),
        BF16(5e-3f),
        INT8(1e-2f);

        final float tolerance;

        Weights(float tolerance) {
            this.tolerance = tolerance;
        }
    }

    private static final int FLOAT = 1;
    private static final Pattern NAME = Pattern.compile("(LSTM|GRU0?|RNN)-(\\d+)(?:x(\\d+))?");

    /// One step, f32, from `LSTM-128`, `GRU-128`, `RNN-128`, or `GRU0-128` for the GRU with
    /// linear_before_reset = 0; of 16 streams from `LSTM-128x16`.
    public static Workload of(String name) {
        Matcher m = NAME.matcher(name);
        if (!m.matches()) {
            throw new IllegalArgumentException(
                    "model is '" + name + "', expected one such as LSTM-128 or LSTM-128x16");
        }
        String op = m.group(1).equals("GRU0") ? "GRU" : m.group(1);
        return new Workload(
                op,
                m.group(1).equals("GRU"),
                Integer.parseInt(m.group(2)),
                m.group(3) == null ? 1 : Integer.parseInt(m.group(3)),
                1,
                Weights.F32);
    }

    public Workload rows(int n) {
        return new Workload(op, linearBeforeReset, size, n, steps, weights);
    }

    public Workload steps(int n) {
        return new Workload(op, linearBeforeReset, size, rows, n, weights);
    }

    public Workload weights(Weights p) {
        return new Workload(op, linearBeforeReset, size, rows, steps, p);
    }

    public boolean hasCell() {
        return op.equals("LSTM");
    }

    public int gates() {
        return op.equals("RNN") ? 1 : op.equals("GRU") ? 3 : 4;
    }

    public float[] w() {
        return numbers(1, gates() * size * size);
    }

    public float[] r() {
        return numbers(2, gates() * size * size);
    }

    public float[] b() {
        return numbers(3, 2 * gates() * size);
    }

    /// The input of every call, `x[T, N, I]`.
    public float[] x() {
        float[] x = new float[steps * rows * size];
        for (int i = 0; i < x.length; i++) {
            x[i] = (i % 7 - 3) / 4f;
        }
        return x;
    }

    /// Bytes of f32 weights that a step has to read.
    public long weightBytes() {
        return 4L * gates() * size * (2L * size + 1);
    }

    /// Floating-point operations of a call's matrix products: two for each weight, row and step.
    public double flops() {
        return 4.0 * gates() * size * size * rows * steps;
    }

    private float[] numbers(int which, int n) {
        SplittableRandom random = new SplittableRandom(10L * size + which);
        float scale = (float) (1 / Math.sqrt(size));
        float[] v = new float[n];
        for (int i = 0; i < n; i++) {
            v[i] = (random.nextFloat() * 2 - 1) * scale;
        }
        return v;
    }

    /// An ONNX file for exactly this call: inputs `x[T, N, I]`, `h[1, N, H]` (LSTM: `c`), outputs
    /// `y`, `hn` (`cn`).
    public byte[] toOnnx() {
        return toOnnx(dim(steps), dim(rows));
    }

    /// An ONNX file for any number of steps of one stream.
    public byte[] toOnnxOfOpenLength() {
        return toOnnx(open("T"), dim(1));
    }

    /// An ONNX file for one step of any number of streams.
    byte[] toOnnxOfOpenRows() {
        return toOnnx(dim(1), open("N"));
    }

    private byte[] toOnnx(TensorShapeProto.Dimension time, TensorShapeProto.Dimension streams) {
        NodeProto.Builder node =
                NodeProto.newBuilder()
                        .setName("node")
                        .setOpType(op)
                        .addInput("x")
                        .addInput("W")
                        .addInput("R")
                        .addInput("B")
                        .addInput("")
                        .addInput("h")
                        .addOutput("y")
                        .addOutput("hn")
                        .addAttribute(attribute("hidden_size", size));
        if (op.equals("GRU")) {
            node.addAttribute(attribute("linear_before_reset", linearBeforeReset ? 1 : 0));
        }
        TensorShapeProto.Dimension one = dim(1);
        TensorShapeProto.Dimension units = dim(size);
        int gateRows = gates() * size;
        GraphProto.Builder graph =
                GraphProto.newBuilder()
                        .setName(op + "-" + size)
                        .addInput(value("x", time, streams, units))
                        .addInput(value("h", one, streams, units))
                        .addOutput(value("y", time, one, streams, units))
                        .addOutput(value("hn", one, streams, units))
                        .addInitializer(tensor("W", w(), 1, gateRows, size))
                        .addInitializer(tensor("R", r(), 1, gateRows, size))
                        .addInitializer(tensor("B", b(), 1, 2 * gateRows));
        if (hasCell()) {
            node.addInput("c").addOutput("cn");
            graph.addInput(value("c", one, streams, units))
                    .addOutput(value("cn", one, streams, units));
        }
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(14))
                .setGraph(graph.addNode(node))
                .build()
                .toByteArray();
    }

    private static AttributeProto.Builder attribute(String name, int value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value);
    }

    private static TensorShapeProto.Dimension dim(int size) {
        return TensorShapeProto.Dimension.newBuilder().setDimValue(size).build();
    }

    private static TensorShapeProto.Dimension open(String name) {
        return TensorShapeProto.Dimension.newBuilder().setDimParam(name).build();
    }

    private static ValueInfoProto value(String name, TensorShapeProto.Dimension... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (TensorShapeProto.Dimension d : dims) {
            shape.addDim(d);
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(
                        TypeProto.newBuilder()
                                .setTensorType(
                                        TypeProto.Tensor.newBuilder()
                                                .setElemType(FLOAT)
                                                .setShape(shape)))
                .build();
    }

    private static TensorProto tensor(String name, float[] values, int... dims) {
        TensorProto.Builder tensor = TensorProto.newBuilder().setName(name).setDataType(FLOAT);
        for (int d : dims) {
            tensor.addDims(d);
        }
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return tensor.setRawData(ByteString.copyFrom(bytes)).build();
    }
}
