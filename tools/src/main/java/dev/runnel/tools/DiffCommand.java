package dev.runnel.tools;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

@Command(
        name = "diff",
        mixinStandardHelpOptions = true,
        exitCodeOnExecutionException = 2,
        description = {
            "Shows in what two models, or two files of weights, differ, each of any format.",
            "%n+ is only in B, - only in A, ~ differs, = is the same under another name: of the"
                    + " same values, but for axes of extent 1 and the transposition of matrices."
                    + " max |Δ| is the largest |b - a| of a tensor's elements, relative is that by"
                    + " the largest |a|. What a file says of itself is not compared; of a file of"
                    + " weights without a graph only the weights.",
            "%nExit code 0 if there is no difference, 1 if there is one, 2 if a file cannot be"
                    + " read.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel diff vad.onnx vad.rnl",
            "  runnel diff epoch1.safetensors epoch2.safetensors --json",
            "  runnel diff checkpoint.pt exported.onnx",
        })
final class DiffCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "A", description = "A model or a file of weights.")
    private Path a;

    @Parameters(index = "1", paramLabel = "B", description = "Another one.")
    private Path b;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    DiffCommand() {}

    @Override
    public Integer call() throws IOException {
        Difference difference =
                Difference.between(
                        a.toString(), ModelFile.read(a), b.toString(), ModelFile.read(b));
        String text = json ? Json.of(difference) + "\n" : Printable.lines(difference.text());
        spec.commandLine().getOut().print(text);
        return difference.equal() ? 0 : 1;
    }
}
