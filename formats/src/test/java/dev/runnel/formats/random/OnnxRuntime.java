package dev.runnel.formats.random;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;

import dev.runnel.formats.proto.ModelProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/// ONNX Runtime, one thread, without its graph optimisations: node by node what the file says.
public final class OnnxRuntime {
    private OnnxRuntime() {}

    /// Why ONNX Runtime cannot be had on this platform, or null if it can.
    public static @Nullable String absence() {
        try {
            OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "random");
            return null;
        } catch (LinkageError | RuntimeException e) {
            return "ONNX Runtime does not load here: " + e;
        }
    }

    public static Map<String, Tensor> run(ModelProto model, Map<String, Tensor> inputs)
            throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Map<String, OnnxTensor> fed = new HashMap<>();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            try (OrtSession session = environment.createSession(model.toByteArray(), options)) {
                for (Map.Entry<String, Tensor> e : inputs.entrySet()) {
                    if (session.getInputNames().contains(e.getKey())) {
                        fed.put(e.getKey(), tensor(environment, e.getValue()));
                    }
                }
                try (OrtSession.Result result = session.run(fed)) {
                    Map<String, Tensor> outputs = new LinkedHashMap<>();
                    for (Map.Entry<String, ai.onnxruntime.OnnxValue> e : result) {
                        outputs.put(e.getKey(), tensor((OnnxTensor) e.getValue()));
                    }
                    return outputs;
                }
            }
        } finally {
            fed.values().forEach(OnnxTensor::close);
        }
    }

    private static OnnxTensor tensor(OrtEnvironment environment, Tensor t) throws OrtException {
        byte[] bytes = Tensors.bytes(t);
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length).order(ByteOrder.nativeOrder());
        buffer.put(bytes).flip();
        return OnnxTensor.createTensor(environment, buffer, t.shape().dims(), javaType(t.dtype()));
    }

    private static OnnxJavaType javaType(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> OnnxJavaType.FLOAT;
            case FLOAT64 -> OnnxJavaType.DOUBLE;
            case FLOAT16 -> OnnxJavaType.FLOAT16;
            case BFLOAT16 -> OnnxJavaType.BFLOAT16;
            case INT64 -> OnnxJavaType.INT64;
            case INT32 -> OnnxJavaType.INT32;
            case INT16 -> OnnxJavaType.INT16;
            case INT8 -> OnnxJavaType.INT8;
            case UINT8 -> OnnxJavaType.UINT8;
            case BOOL -> OnnxJavaType.BOOL;
            case UINT16, UINT32, UINT64 ->
                    throw new IllegalArgumentException(
                            "ONNX Runtime's Java interface has no " + dtype);
        };
    }

    private static Tensor tensor(OnnxTensor t) {
        TensorInfo info = t.getInfo();
        DType dtype =
                Arrays.stream(DType.values())
                        .filter(d -> !d.isUnsigned() || d == DType.UINT8)
                        .filter(d -> javaType(d) == info.type)
                        .findFirst()
                        .orElseThrow();
        Shape shape = Shape.of(info.getShape());
        ByteBuffer buffer = t.getByteBuffer();
        byte[] bytes = new byte[Math.toIntExact(shape.elements() * dtype.byteSize())];
        if (buffer != null) {
            buffer.get(bytes);
        }
        return Tensors.of(dtype, shape, bytes);
    }
}
