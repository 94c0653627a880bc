package dev.runnel.formats.random;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.node;

import dev.runnel.formats.proto.AttributeProto;
import dev.runnel.formats.proto.GraphProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.OperatorSetIdProto;
import dev.runnel.formats.proto.TensorProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// Makes of a model what ONNX Runtime's `quantize_dynamic` makes of it:
///
/// - `MatMul` and `Gemm` become DynamicQuantizeLinear, MatMulInteger, Cast and two Mul, and an Add;
/// - `Conv` likewise, by ConvInteger;
/// - `LSTM` becomes `com.microsoft.DynamicQuantizeLSTM`.
///
/// Weights are of 7 bits, as its `reduce_range` has it, symmetrical, with a scale for the tensor or
/// for each output.
final class DynamicQuantizer {
    private static final float RANGE = 63;

    private final boolean perChannel;
    private int fresh;

    /// How many nodes were quantised, by operator.
    final Map<String, Integer> counts = new HashMap<>();

    DynamicQuantizer(boolean perChannel) {
        this.perChannel = perChannel;
    }

    ModelProto quantize(ModelProto model) {
        ModelProto.Builder m = model.toBuilder();
        for (OperatorSetIdProto.Builder set : m.getOpsetImportBuilderList()) {
            if (set.getDomain().isEmpty() && set.getVersion() < 11) {
                set.setVersion(11); // the least that has the operators
            }
        }
        if (m.getOpsetImportList().stream().noneMatch(s -> s.getDomain().equals("com.microsoft"))) {
            m.addOpsetImport(
                    OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1));
        }
        graph(m.getGraphBuilder(), Map.of());
        return m.build();
    }

    private void graph(GraphProto.Builder g, Map<String, TensorProto> outer) {
        Map<String, TensorProto> known = new HashMap<>(outer);
        g.getInitializerList().forEach(t -> known.put(t.getName(), t));
        List<NodeProto> nodes = new ArrayList<>(g.getNodeList());
        g.clearNode();
        for (NodeProto n : nodes) {
            NodeProto.Builder b = n.toBuilder();
            for (AttributeProto.Builder a : b.getAttributeBuilderList()) {
                if (a.hasG()) {
                    graph(a.getGBuilder(), known);
                }
            }
            int before = g.getNodeCount();
            switch (n.getOpType()) {
                case "LSTM" -> lstm(g, n, known);
                case "MatMul" -> product(g, n, known, false);
                case "Gemm" -> product(g, n, known, flag(n, "transB"));
                case "Conv" -> conv(g, n, known);
                default -> {}
            }
            if (g.getNodeCount() == before) {
                g.addNode(b);
            } else {
                counts.merge(n.getOpType(), 1, Integer::sum);
            }
        }
    }

    private static boolean flag(NodeProto n, String name) {
        return n.getAttributeList().stream()
                .anyMatch(a -> a.getName().equals(name) && a.getI() == 1);
    }

    // ---- operators

    private void lstm(GraphProto.Builder g, NodeProto n, Map<String, TensorProto> known) {
        NodeProto.Builder q =
                n.toBuilder().setOpType("DynamicQuantizeLSTM").setDomain("com.microsoft");
        for (int i = q.getAttributeCount() - 1; i >= 0; i--) {
            if (q.getAttribute(i).getName().equals("layout")) {
                q.removeAttribute(i); // 0; it has none
            }
        }
        while (q.getInputCount() < 8) {
            q.addInput("");
        }
        for (int i = 1; i <= 2; i++) {
            TensorProto w = known.get(n.getInput(i));
            if (w == null) {
                return;
            }
            Tensor t = Tensors.transpose(tensor(w), 0, 2, 1);
            List<String> names = weights(g, t, perChannel ? new int[] {0, 2} : new int[] {0});
            q.setInput(i, names.get(0)).addInput(names.get(1)).addInput(names.get(2));
        }
        g.addNode(q);
    }

    private void product(
            GraphProto.Builder g, NodeProto n, Map<String, TensorProto> known, boolean turned) {
        TensorProto w = known.get(n.getInput(1));
        if (w == null || w.getDimsCount() != 2) {
            return;
        }
        Tensor t = turned ? Tensors.transpose(tensor(w), 1, 0) : tensor(w);
        boolean bias = n.getInputCount() > 2;
        String y = bias ? name("sums") : n.getOutput(0);
        integer(g, node("MatMulInteger", "", ""), n.getInput(0), t, 1, List.of(), y);
        if (bias) {
            add(g, "Add", y + " " + n.getInput(2), n.getOutput(0));
        }
    }

    private void conv(GraphProto.Builder g, NodeProto n, Map<String, TensorProto> known) {
        TensorProto w = known.get(n.getInput(1));
        if (w == null) {
            return;
        }
        Tensor t = tensor(w);
        long[] channels = new long[t.shape().rank() - 1];
        Arrays.fill(channels, 1);
        channels[0] = t.shape().dim(0);
        boolean bias = n.getInputCount() > 2;
        String y = bias ? name("sums") : n.getOutput(0);
        NodeProto.Builder q = node("ConvInteger", "", "").addAllAttribute(n.getAttributeList());
        integer(g, q, n.getInput(0), t, 0, List.of(Shape.of(channels)), y);
        if (bias) {
            Tensor b = tensor(Objects.requireNonNull(known.get(n.getInput(2))));
            String spread = constant(g, Tensors.reshape(b, Shape.of(channels)));
            add(g, "Add", y + " " + spread, n.getOutput(0));
        }
    }

    /// x · t, where `q` is the operator without its inputs.
    ///
    /// @param axis of t's outputs
    /// @param scales the shape of their scales, if it is another
    private void integer(
            GraphProto.Builder g,
            NodeProto.Builder q,
            String x,
            Tensor t,
            int axis,
            List<Shape> scales,
            String y) {
        String[] a = {name("xq"), name("xs"), name("xz")};
        add(g, "DynamicQuantizeLinear", x, String.join(" ", a));
        // ONNX Runtime's ConvInteger takes one zero point for all weights.
        List<String> w = weights(g, t, perChannel ? new int[] {axis} : new int[0]);
        boolean conv = !scales.isEmpty();
        if (conv && perChannel) {
            TensorProto s =
                    g.getInitializerList().stream()
                            .filter(i -> i.getName().equals(w.get(1)))
                            .findFirst()
                            .orElseThrow();
            w.set(1, constant(g, Tensors.reshape(tensor(s), scales.getFirst())));
            w.set(2, constant(g, Tensors.of(DType.INT8, Shape.SCALAR, 0)));
        }
        String sums = name("sums");
        g.addNode(
                q.clearInput()
                        .clearOutput()
                        .setName(sums)
                        .addAllInput(List.of(a[0], w.get(0), a[2], w.get(2)))
                        .addOutput(sums));
        String floats = name("floats");
        g.addNode(node("Cast", sums, floats, attribute("to", 1)).setName(floats));
        String scale = name("scale");
        add(g, "Mul", a[1] + " " + w.get(1), scale);
        add(g, "Mul", floats + " " + scale, y);
    }

    private static void add(GraphProto.Builder g, String op, String inputs, String outputs) {
        g.addNode(node(op, inputs, outputs).setName(outputs));
    }

    private String name(String role) {
        return "quantised_" + role + fresh++;
    }

    private String constant(GraphProto.Builder g, Tensor t) {
        String name = name("constant");
        g.addInitializer(Tensors.proto(name, t, true));
        return name;
    }

    // ---- weights

    /// The names of t's integers, scales and zero points, one for each index of `axes`.
    private List<String> weights(GraphProto.Builder g, Tensor t, int... axes) {
        Shape s = t.shape();
        long[] dims = Arrays.stream(axes).mapToLong(s::dim).toArray();
        Shape groups = Shape.of(dims);
        double[] scale = new double[(int) groups.elements()];
        for (int i = 0; i < t.elements(); i++) {
            int k = group(s, i, axes);
            scale[k] = Math.max(scale[k], Math.abs(t.getDouble(i)) / RANGE);
        }
        double[] q = new double[(int) t.elements()];
        for (int i = 0; i < q.length; i++) {
            double step = (float) scale[group(s, i, axes)];
            q[i] = step == 0 ? 0 : Math.rint(t.getDouble(i) / step);
        }
        List<String> names = new ArrayList<>();
        names.add(constant(g, Tensors.of(DType.INT8, s, q)));
        names.add(constant(g, Tensors.of(DType.FLOAT32, groups, scale)));
        names.add(constant(g, Tensors.of(DType.INT8, groups, new double[scale.length])));
        return names;
    }

    private static int group(Shape s, long index, int... axes) {
        long group = 0;
        for (int a : axes) {
            group = group * s.dim(a) + index / s.elements(a + 1, s.rank()) % s.dim(a);
        }
        return (int) group;
    }

    private static Tensor tensor(TensorProto p) {
        Shape shape = Shape.of(p.getDimsList().stream().mapToLong(Long::longValue).toArray());
        if (p.getRawData().isEmpty()) {
            double[] values =
                    p.getFloatDataList().stream().mapToDouble(Float::doubleValue).toArray();
            return Tensors.of(DType.FLOAT32, shape, values);
        }
        float[] values = new float[(int) shape.elements()];
        p.getRawData()
                .asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(values);
        return Tensor.ofFloats(shape, values);
    }
}
