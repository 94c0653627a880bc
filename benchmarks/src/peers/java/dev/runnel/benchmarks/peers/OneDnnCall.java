package dev.runnel.benchmarks.peers;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.runnel.benchmarks.Engine;
import dev.runnel.benchmarks.Workload;
import dev.runnel.benchmarks.Workload.Weights;

import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.gru_forward;
import org.bytedeco.dnnl.lbr_gru_forward;
import org.bytedeco.dnnl.lstm_forward;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.data_type;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.rnn_primitive_desc_base;
import org.bytedeco.dnnl.stream;
import org.bytedeco.dnnl.vanilla_rnn_forward;
import org.bytedeco.javacpp.FloatPointer;

import java.util.ArrayList;
import java.util.List;

/// One RNN primitive with two sets of state memories, which change places from call to call.
///
/// With weights of 8 bits x and h are u8, which stand for −1 … 1 in steps of 1/127: h lies there, x
/// of the [Workload] does, too. Gate rows have a scale each, which is one for W and R. y and c are
/// f32; y is h as it was rounded, so that half a step, 0.004, is its error before that of the
/// weights.
final class OneDnnCall implements Engine.Call {
    private static final float DATA_SCALE = 127;
    private static final float DATA_SHIFT = 128;
    private static final float LARGEST_WEIGHT = 127;

    /// The dimensions of `ldigo` along which scales differ: gate and output.
    private static final int GATE_ROWS = 1 << 3 | 1 << 4;

    private final Workload w;
    private final long[] layerDims;
    private final long[] stateDims;
    private final engine cpu = new engine(engine.kind.cpu, 0);
    private final stream queue = new stream(cpu);
    private final primitive_attr attributes = new primitive_attr();
    private final rnn_primitive_desc_base desc;
    private final primitive layer;
    private final dnnl_primitive handle;
    private final dnnl_stream queueHandle;
    private final memory y;
    private final dnnl_exec_arg_t arguments;
    private final dnnl_exec_arg_t otherArguments;
    private final int argumentCount;
    private boolean other;

    OneDnnCall(Workload w) {
        this.w = w;
        layerDims = new long[] {w.steps(), w.rows(), w.size()};
        stateDims = new long[] {1, 1, w.rows(), w.size()};
        if (w.weights() == Weights.INT8) {
            attributes.set_rnn_data_qparams(DATA_SCALE, DATA_SHIFT);
            attributes.set_rnn_weights_qparams(GATE_ROWS, weightScales());
        }
        desc = describe();
        layer = layer();
        List<Object[]> same = new ArrayList<>();
        same.add(
                new Object[] {
                    DNNL_ARG_SRC_LAYER,
                    filled(desc.src_layer_desc(), layerDims, format_tag.tnc, w.x())
                });
        same.add(new Object[] {DNNL_ARG_WEIGHTS_LAYER, weights(desc.weights_layer_desc(), w.w())});
        same.add(new Object[] {DNNL_ARG_WEIGHTS_ITER, weights(desc.weights_iter_desc(), w.r())});
        float[] bias = bias();
        same.add(
                new Object[] {
                    DNNL_ARG_BIAS,
                    filled(desc.bias_desc(), biasDims(bias.length), format_tag.ldgo, bias)
                });
        y = new memory(desc.dst_layer_desc(), cpu);
        same.add(new Object[] {DNNL_ARG_DST_LAYER, y});
        memory[] h = {state(desc.src_iter_desc()), state(desc.src_iter_desc())};
        memory[] c = {};
        if (w.hasCell()) {
            c = new memory[] {state(desc.src_iter_c_desc()), state(desc.src_iter_c_desc())};
        }
        argumentCount = same.size() + h.length + c.length;
        arguments = arguments(same, h, c, 0);
        otherArguments = arguments(same, h, c, 1);
        handle = layer.get();
        queueHandle = queue.get();
    }

    /// Of x and h.
    private data_type dataType() {
        return switch (w.weights()) {
            case F32 -> data_type.f32;
            case BF16 -> data_type.bf16;
            case INT8 -> data_type.u8;
        };
    }

    private data_type weightType() {
        return w.weights() == Weights.INT8 ? data_type.s8 : dataType();
    }

    private data_type outputType() {
        return w.weights() == Weights.INT8 ? data_type.f32 : dataType();
    }

    private rnn_primitive_desc_base describe() {
        memory.desc x = new memory.desc(layerDims, dataType(), format_tag.tnc);
        memory.desc y = new memory.desc(layerDims, outputType(), format_tag.tnc);
        memory.desc h = new memory.desc(stateDims, dataType(), format_tag.ldnc);
        memory.desc c = new memory.desc(stateDims, data_type.f32, format_tag.ldnc);
        long[] weightDims = weightDims();
        memory.desc weights = new memory.desc(weightDims, weightType(), format_tag.any);
        memory.desc bias = new memory.desc(biasDims(bias().length), data_type.f32, format_tag.ldgo);
        prop_kind inference = prop_kind.forward_inference;
        rnn_direction forwards = rnn_direction.unidirectional_left2right;
        if (w.hasCell()) {
            return new lstm_forward.primitive_desc(
                    cpu,
                    inference,
                    forwards,
                    x,
                    h,
                    c,
                    weights,
                    weights,
                    bias,
                    y,
                    h,
                    c,
                    attributes,
                    false);
        }
        if (w.op().equals("RNN")) {
            return new vanilla_rnn_forward.primitive_desc(
                    cpu,
                    inference,
                    algorithm.eltwise_tanh,
                    forwards,
                    x,
                    h,
                    weights,
                    weights,
                    bias,
                    y,
                    h,
                    attributes,
                    false);
        }
        return describeGru(x, h, weights, bias, y);
    }

    private rnn_primitive_desc_base describeGru(
            memory.desc x, memory.desc h, memory.desc weights, memory.desc bias, memory.desc y) {
        prop_kind inference = prop_kind.forward_inference;
        rnn_direction forwards = rnn_direction.unidirectional_left2right;
        return w.linearBeforeReset()
                ? new lbr_gru_forward.primitive_desc(
                        cpu,
                        inference,
                        forwards,
                        x,
                        h,
                        weights,
                        weights,
                        bias,
                        y,
                        h,
                        attributes,
                        false)
                : new gru_forward.primitive_desc(
                        cpu,
                        inference,
                        forwards,
                        x,
                        h,
                        weights,
                        weights,
                        bias,
                        y,
                        h,
                        attributes,
                        false);
    }

    private primitive layer() {
        return switch (desc) {
            case lstm_forward.primitive_desc d -> new lstm_forward(d);
            case vanilla_rnn_forward.primitive_desc d -> new vanilla_rnn_forward(d);
            case lbr_gru_forward.primitive_desc d -> new lbr_gru_forward(d);
            case gru_forward.primitive_desc d -> new gru_forward(d);
            default -> throw new IllegalStateException(desc.getClass().getName());
        };
    }

    /// What the weights of a gate row, `[G, H]`, are multiplied by.
    private float[] weightScales() {
        float[] scales = new float[w.gates() * w.size()];
        for (float[] weights : new float[][] {transposed(w.w()), transposed(w.r())}) {
            for (int i = 0; i < weights.length; i++) {
                int row = i % scales.length;
                scales[row] = Math.max(scales[row], Math.abs(weights[i]));
            }
        }
        for (int row = 0; row < scales.length; row++) {
            scales[row] = LARGEST_WEIGHT / scales[row];
        }
        return scales;
    }

    private long[] weightDims() {
        return new long[] {1, 1, w.size(), w.gates(), w.size()};
    }

    private long[] biasDims(int length) {
        return new long[] {1, 1, length / w.size(), w.size()};
    }

    /// Where gate `g` of oneDNN (LSTM i f g o; GRU u r o) lies in ONNX (iofc; zrh).
    private int onnxGate(int g) {
        return w.hasCell() ? new int[] {0, 2, 3, 1}[g] : g;
    }

    /// Both biases added; the GRU with linear_before_reset has the recurrent one of its last gate
    /// apart.
    private float[] bias() {
        float[] b = w.b();
        int h = w.size();
        int gates = w.gates();
        boolean apart = w.linearBeforeReset();
        float[] bias = new float[(apart ? gates + 1 : gates) * h];
        for (int g = 0; g < gates; g++) {
            for (int i = 0; i < h; i++) {
                float recurrent = b[(gates + onnxGate(g)) * h + i];
                bias[g * h + i] = b[onnxGate(g) * h + i];
                if (apart && g == gates - 1) {
                    bias[gates * h + i] = recurrent;
                } else {
                    bias[g * h + i] += recurrent;
                }
            }
        }
        return bias;
    }

    /// From `[G·H, K]` to `[K, G, H]`.
    private float[] transposed(float[] onnx) {
        int h = w.size();
        int gates = w.gates();
        float[] t = new float[onnx.length];
        for (int g = 0; g < gates; g++) {
            for (int o = 0; o < h; o++) {
                int row = (onnxGate(g) * h + o) * h;
                for (int k = 0; k < h; k++) {
                    t[(k * gates + g) * h + o] = onnx[row + k];
                }
            }
        }
        return t;
    }

    private memory weights(memory.desc packed, float[] onnx) {
        return filled(packed, weightDims(), format_tag.ldigo, transposed(onnx));
    }

    private memory state(memory.desc d) {
        return filled(d, stateDims, format_tag.ldnc, new float[w.rows() * w.size()]);
    }

    /// Memory as the primitive wants it, from plain floats. A reorder to f32 refuses attributes
    /// that quantise.
    private memory filled(memory.desc wanted, long[] dims, format_tag order, float[] values) {
        memory target = new memory(wanted, cpu);
        memory plain = new memory(new memory.desc(dims, data_type.f32, order), cpu);
        new FloatPointer(plain.get_data_handle()).put(values);
        boolean isF32 = wanted.get_data_type().value == data_type.f32.value;
        new reorder(plain, target, isF32 ? new primitive_attr() : attributes)
                .execute(queue, plain, target);
        queue._wait();
        return target;
    }

    private dnnl_exec_arg_t arguments(List<Object[]> same, memory[] h, memory[] c, int from) {
        List<Object[]> all = new ArrayList<>(same);
        all.add(new Object[] {DNNL_ARG_SRC_ITER, h[from]});
        all.add(new Object[] {DNNL_ARG_DST_ITER, h[1 - from]});
        if (c.length > 0) {
            all.add(new Object[] {DNNL_ARG_SRC_ITER_C, c[from]});
            all.add(new Object[] {DNNL_ARG_DST_ITER_C, c[1 - from]});
        }
        dnnl_exec_arg_t array = new dnnl_exec_arg_t(all.size());
        for (int i = 0; i < all.size(); i++) {
            array.position(i).arg((int) all.get(i)[0]).memory(((memory) all.get(i)[1]).get());
        }
        return array.position(0);
    }

    @Override
    public void run() {
        OneDnnEngine.require(
                dnnl_primitive_execute(
                        handle, queueHandle, argumentCount, other ? otherArguments : arguments));
        OneDnnEngine.require(dnnl_stream_wait(queueHandle));
        other = !other;
    }

    @Override
    public float[] output() {
        memory plain = new memory(new memory.desc(layerDims, data_type.f32, format_tag.tnc), cpu);
        new reorder(y, plain, new primitive_attr()).execute(queue, y, plain);
        queue._wait();
        float[] values = new float[w.steps() * w.rows() * w.size()];
        new FloatPointer(plain.get_data_handle()).get(values);
        return values;
    }

    @Override
    public void close() {
        layer.close();
        queue.close();
        cpu.close();
    }
}
