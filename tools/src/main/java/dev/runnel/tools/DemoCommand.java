package dev.runnel.tools;

import dev.runnel.tools.demo.CaptionCommand;
import dev.runnel.tools.demo.IdiomsCommand;
import dev.runnel.tools.demo.ListenCommand;
import dev.runnel.tools.demo.TranslateCommand;
import dev.runnel.tools.demo.WriteCommand;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `runnel demo`: small trained models at work.
@Command(
        name = "demo",
        description = "Shows small trained models at work.",
        mixinStandardHelpOptions = true,
        subcommands = {
            IdiomsCommand.class,
            WriteCommand.class,
            CaptionCommand.class,
            TranslateCommand.class,
            ListenCommand.class
        })
public final class DemoCommand implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it
    CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "expected a demonstration: " + names());
    }

    private String names() {
        return String.join(", ", spec.subcommands().keySet());
    }
}
