package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;

import dev.runnel.graph.Tensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Real models in ONNX Runtime: as they came, and as ONNX → .rnl → ONNX leaves them.
class SharedOnnxRuntimeTest {
    private static final Path SHARED = Path.of(System.getProperty("runnel.shared", "../../shared"));

    @TempDir Path folder = Path.of("");

    @Test
    void realModels_throughRnl_giveEqualResultsInOnnxRuntime() throws Exception {
        Path models = SHARED.resolve("models");
        assumeTrue(Files.isDirectory(models), "no test data: " + models + " is missing");
        int count = 0;
        for (Path model : list(models, "model.onnx")) {
            Path rnl = folder.resolve("m.rnl");
            Path onnx = folder.resolve("m.onnx");
            Models.write(Models.read(model), rnl);
            Models.write(Models.read(rnl), onnx);
            Path data = model.resolveSibling("test_data_set_0");
            Map<String, String> before = run(model, data);
            assertThat(run(onnx, data)).as(model.toString()).isEqualTo(before);
            count++;
        }
        assertThat(count).isGreaterThanOrEqualTo(12);
    }

    private static List<Path> list(Path folder, String name) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(f -> f.endsWith(name)).sorted().toList();
        }
    }

    /// The outputs' bytes, as text.
    private static Map<String, String> run(Path model, Path data) throws OrtException, IOException {
        OrtEnvironment e = OrtEnvironment.getEnvironment();
        Map<String, OnnxTensor> fed = new HashMap<>();
        Map<String, String> outputs = new TreeMap<>();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
            try (OrtSession session = e.createSession(model.toString(), options)) {
                List<String> names = List.copyOf(session.getInputNames());
                for (int i = 0; Files.exists(data.resolve("input_" + i + ".pb")); i++) {
                    Path file = data.resolve("input_" + i + ".pb");
                    String name = TensorFile.name(file);
                    fed.put(names.contains(name) ? name : names.get(i), tensor(e, file));
                }
                try (OrtSession.Result result = session.run(fed)) {
                    for (Map.Entry<String, OnnxValue> o : result) {
                        ByteBuffer b = ((OnnxTensor) o.getValue()).getByteBuffer();
                        byte[] bytes = new byte[b.remaining()];
                        b.get(bytes);
                        outputs.put(o.getKey(), java.util.HexFormat.of().formatHex(bytes));
                    }
                }
            }
        } finally {
            fed.values().forEach(OnnxTensor::close);
        }
        return outputs;
    }

    private static OnnxTensor tensor(OrtEnvironment e, Path file) throws OrtException, IOException {
        Tensor t = TensorFile.read(file);
        ByteBuffer b = ByteBuffer.allocateDirect((int) t.data().byteSize());
        b.order(ByteOrder.nativeOrder()).put(t.data().asByteBuffer()).flip();
        OnnxJavaType type =
                switch (t.dtype()) {
                    case FLOAT32 -> OnnxJavaType.FLOAT;
                    case INT64 -> OnnxJavaType.INT64;
                    case INT32 -> OnnxJavaType.INT32;
                    case UINT8 -> OnnxJavaType.UINT8;
                    case BOOL -> OnnxJavaType.BOOL;
                    default -> throw new IllegalStateException("input of type " + t.dtype());
                };
        return OnnxTensor.createTensor(e, b, t.shape().dims(), type);
    }
}
