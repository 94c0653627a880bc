package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

import java.nio.file.Files;
import java.nio.file.Path;

/// How long does a call of a real model take: a frame, a chunk, a sentence, whatever its recorded
/// input holds?
///
/// The models lie in `models` of the folder that the property `runnel.shared` names; where one is
/// absent it is not run.
///
/// ```
/// benchmarks/run RealModels
/// ```
public class RealModels extends LayerBenchmark {
    private static final int CHECKED_CALLS = 3;
    private static final float TOLERANCE = 1e-4f;

    @Param({
        "silero_vad_v6",
        "silero_vad_v4",
        "dtln_1",
        "dtln_2",
        "gtcrn",
        "deepfilternet3_h0_enc",
        "deepfilternet3_h0_erb_dec",
        "deepfilternet3_h0_df_dec",
        "pose_gru",
        "tract_byte_bilstm",
        "aircraft_pm"
    })
    String model = "";

    @Param({"runnel", "onnxRuntime"})
    String engine = "";

    @Setup
    public void open() throws Exception {
        Path folder = Path.of(System.getProperty("runnel.shared", "../shared"), "models", model);
        if (!Files.isDirectory(folder)) {
            throw new UnsupportedOperationException(
                    "no folder " + folder + "; name the one that has models by runnel.shared");
        }
        Recording recording = Recording.of(folder);
        Engines.requireSame(
                model, outputs(open(recording)), outputs(recording.openOnnxRuntime()), TOLERANCE);
        System.gc(); // what the check has left
        call = open(recording);
        if (engine.equals("runnel")) {
            Engines.settle(call);
        }
    }

    private Engine.Call open(Recording recording) throws Exception {
        return engine.equals("runnel") ? recording.openRunnel() : recording.openOnnxRuntime();
    }

    private static float[] outputs(Engine.Call call) throws Exception {
        try (call) {
            for (int i = 0; i < CHECKED_CALLS; i++) {
                call.run();
            }
            return call.output();
        }
    }
}
