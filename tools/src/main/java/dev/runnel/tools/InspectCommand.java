package dev.runnel.tools;

import dev.runnel.Options;
import dev.runnel.UnsupportedModelException;
import dev.runnel.formats.Checkpoint;
import dev.runnel.graph.Graph;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;

@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = {
            "Shows a model's inputs, outputs, states, operators, parameters and memory, and whether"
                    + " it can be stepped. Weights are not packed, but with --weights, to see what"
                    + " they lose.",
            "%nOf a model that cannot be compiled it shows what the file says, and why; the exit"
                    + " code is then 1. Of a file of weights without a graph it shows the names,"
                    + " types and shapes of the tensors, without reading their elements; options"
                    + " that are for models do nothing then.",
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel inspect vad.onnx",
            "  runnel inspect vad.onnx --bind sr=16000 --shape input=1x576 --plan",
            "  runnel inspect vad.onnx --json",
            "  runnel inspect checkpoint.pt",
        })
final class InspectCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ModelOptions options;

    @Parameters(paramLabel = "FILE", description = "A model or a file of weights.")
    private Path file;

    @Option(
            names = "--file-only",
            description =
                    "Show what the file says and no more: the model is not planned, and no weights"
                            + " are read.")
    private boolean fileOnly;

    @Option(names = "--plan", description = "Print the plan of a step as well.")
    private boolean plan;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @SuppressWarnings("NullAway.Init") // picocli sets the fields
    InspectCommand() {}

    @Override
    public Integer call() throws IOException {
        ModelFile content;
        try {
            content = ModelFile.read(file);
        } catch (UnsupportedModelException e) {
            if (!ModelFile.mayBeWeights(file)) {
                throw e;
            }
            show(ModelFile.weights(file)); // which it has, even if its layers are unknown
            spec.commandLine().getErr().println("cannot be compiled: " + Failures.describe(e));
            return 1;
        }
        return switch (content) {
            case ModelFile.OfGraph(Graph graph) -> show(graph);
            case ModelFile.OfWeights(Checkpoint checkpoint) -> show(checkpoint);
        };
    }

    private int show(Checkpoint checkpoint) {
        CheckpointInspection inspection = CheckpointInspection.of(checkpoint);
        PrintWriter out = spec.commandLine().getOut();
        out.print(json ? Json.of(inspection) + "\n" : Printable.lines(inspection.text()));
        out.flush();
        return 0;
    }

    private int show(Graph graph) {
        Inspection inspection =
                fileOnly
                        ? Inspection.of(graph)
                        : Inspection.of(
                                graph,
                                options.applyTo(Options.defaults(), graph),
                                options.asksForPrecision());
        PrintWriter out = spec.commandLine().getOut();
        out.print(json ? Json.of(inspection) + "\n" : Printable.lines(inspection.text()));
        if (plan && !json && inspection.plan() != null) {
            out.print("plan\n" + Printable.lines(inspection.plan().indent(2)));
        }
        out.flush();
        if (inspection.problem() != null && !json) {
            spec.commandLine().getErr().println("cannot be compiled: " + inspection.problem());
        }
        return inspection.problem() == null ? 0 : 1;
    }
}
