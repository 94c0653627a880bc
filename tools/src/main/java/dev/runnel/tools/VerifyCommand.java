package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.Options.KernelSet;
import dev.runnel.graph.Precision;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = {
            "Runs models on stored inputs and compares with stored outputs.",
            "%nEach DIR is a case, or a folder of cases at any depth. A case holds model.onnx (or"
                + " model.rnl) and the folders test_data_set_0, test_data_set_1, … with input_0.pb,"
                + " …, output_0.pb, … (ONNX TensorProto; or .npy). A file belongs to the input or"
                + " output that it names, or else to the one at its place in the model's list.",
            "%nEach data set is an independent call. With --stream, in cases with a state.txt"
                + " (lines 'output>input'), the sets are fed in order to one stream: those inputs"
                + " are carried (only their first value is read), and their outputs are compared"
                + " too. If the model cannot be stepped otherwise, single integers that are the"
                + " same in every set, such as a sample rate, are bound.",
            "%nAn element passes if |got - want| <= A + R*|want|. Without --atol and --rtol:"
                + " A=1e-5, R=1e-4; or A=1e-7, R=1e-3, as the ONNX project has it, if the model is"
                + " a single node other than RNN, GRU, LSTM. R is at least 2^-9 for float16 and"
                + " 2^-6 for bfloat16 outputs. Integers and bools must be equal; NaN equals NaN.",
            "%nPrints a line for each case and a last line 'N passed, N failed, N unsupported'."
                    + " Exit code 0 if all passed, else 1.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel verify models/vad",
            "  runnel verify models/vad --model vad.rnl",
            "  runnel verify conformance/ models/ --kernels scalar",
            "  runnel verify --stream models/ --rtol 1e-5 --atol 1e-6",
        })
final class VerifyCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "DIR", arity = "1..*", description = "A case or a folder of cases.")
    private List<Path> folders = List.of();

    @Option(
            names = "--model",
            paramLabel = "FILE",
            description = "Check this model on the data of every DIR, which needs none then.")
    private @Nullable Path model;

    @Option(
            names = "--stream",
            description = "Feed the data sets of cases with a state.txt as a stream.")
    private boolean stream;

    @Option(
            names = "--kernels",
            paramLabel = "SET",
            description = "The arithmetic: vector, scalar or auto (the default).")
    private KernelSet kernels = KernelSet.AUTO;

    @Option(
            names = "--weights",
            paramLabel = "PRECISION",
            description =
                    "How to store the weights: f32, bf16 or int8; unless said otherwise"
                            + " the numbers of the file as they are. The last two need a wider"
                            + " tolerance; runnel accuracy shows how wide.")
    private @Nullable Precision weights;

    @Option(names = "--rtol", paramLabel = "R", description = "Relative tolerance of every case.")
    private @Nullable Double rtol;

    @Option(names = "--atol", paramLabel = "A", description = "Absolute tolerance of every case.")
    private @Nullable Double atol;

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    VerifyCommand() {}

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        Options options = Options.defaults().kernels(kernels);
        options = weights == null ? options : options.weights(weights);
        Verifier verifier = new Verifier(stream, options, atol, rtol);
        int passed = 0;
        int failed = 0;
        int unsupported = 0;
        for (Case c : Case.find(folders, model)) {
            Verdict verdict = verifier.check(c);
            switch (verdict) {
                case Verdict.Passed _ -> passed++;
                case Verdict.Failed _ -> failed++;
                case Verdict.Unsupported _ -> unsupported++;
            }
            out.println(Printable.line(verdict.toString()));
            out.flush();
            if (verdict instanceof Verdict.Failed f
                    && f.cause() != null
                    && Runnel.wantsStackTrace(spec)) {
                f.cause().printStackTrace(spec.commandLine().getErr());
            }
        }
        out.println(passed + " passed, " + failed + " failed, " + unsupported + " unsupported");
        return failed + unsupported == 0 ? 0 : 1;
    }
}
