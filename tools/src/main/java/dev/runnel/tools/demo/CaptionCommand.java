package dev.runnel.tools.demo;

import dev.runnel.decode.Strategy;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/// `runnel demo caption`: the command line of [Captioner].
@Command(
        name = "caption",
        description = {
            "Says in words what is on a picture of coloured shapes on black, 64 x 64 pixels.",
            "Convolutions make the picture a vector, which enters an LSTM that says word after"
                    + " word."
        },
        footerHeading = "%nExample:%n",
        footer = "  runnel demo caption shapes.png",
        mixinStandardHelpOptions = true)
public final class CaptionCommand implements Callable<Integer> {
    @Parameters(paramLabel = "IMAGE", description = "A PNG, GIF, BMP or JPEG file.")
    String image = "";

    @Mixin
    @SuppressWarnings("NullAway.Init") // picocli sets it
    TraceOption trace;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        trace.check();
        Path file = InputFile.named(image, "a picture");
        BufferedImage picture = Picture.read(file);
        if (picture.getWidth() != Captioner.SIDE || picture.getHeight() != Captioner.SIDE) {
            spec.commandLine()
                    .getErr()
                    .println(
                            image
                                    + " has "
                                    + picture.getWidth()
                                    + " x "
                                    + picture.getHeight()
                                    + " pixels; it is scaled to fit the 64 x 64 that the model"
                                    + " knows");
        }
        try (Captioner captioner = new Captioner(Strategy.beam(4))) {
            String caption = captioner.caption(picture);
            spec.commandLine().getOut().println(caption);
            trace.write(
                    String.valueOf(file.getFileName()), t -> captioner.trace(t, picture, caption));
        }
        return 0;
    }
}
