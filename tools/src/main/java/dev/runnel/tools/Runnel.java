package dev.runnel.tools;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;

/// The `runnel` command. Exit codes: 0 done, 1 failed, 2 the command line is wrong.
@Command(
        name = "runnel",
        mixinStandardHelpOptions = true,
        versionProvider = Runnel.Version.class,
        description = "Loads recurrent neural networks, steps them, checks and measures them.",
        subcommands = {
            InspectCommand.class,
            RunCommand.class,
            VerifyCommand.class,
            AccuracyCommand.class,
            BenchCommand.class,
            ConvertCommand.class,
            DiffCommand.class,
            DemoCommand.class,
        },
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%nExamples:%n",
        footer = {
            "  runnel demo idioms 画龙点睛",
            "  runnel inspect vad.onnx",
            "  runnel run vad.onnx --input input=frame.npy --input state=zero.npy --bind sr=16000",
            "  runnel verify --stream models/",
            "  runnel bench vad.onnx --bind sr=16000 --shape input=1x576",
            "  runnel COMMAND --help",
        })
public final class Runnel implements Runnable {
    @Spec private CommandSpec spec;

    @Option(
            names = {"-v", "--stacktrace"},
            scope = ScopeType.INHERIT,
            description = "Print the stack trace of what went wrong.")
    private boolean stacktrace;

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    private Runnel() {}

    /// Runs the command line and ends the process.
    public static void main(String... args) {
        takeOverStderr();
        // The library that reads HDF5 logs, which nobody asked for, and says so on stderr.
        System.setProperty("slf4j.internal.verbosity", "ERROR");
        System.exit(execute(args));
    }

    /// Runs one command line on the standard streams.
    ///
    /// @return the exit code
    public static int execute(String... args) {
        return execute(StandardOutput.open(), new PrintWriter(System.err, true), args);
    }

    /// Runs one command line, writing to `out` and `err`.
    ///
    /// @return the exit code
    public static int execute(PrintWriter out, PrintWriter err, String... args) {
        Runnel runnel = new Runnel();
        CommandLine line = new CommandLine(runnel);
        line.setOut(out);
        line.setErr(err);
        line.setUsageHelpWidth(100);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.getSubcommands()
                .values()
                .forEach(c -> c.getCommandSpec().usageMessage().parameterListHeading("%n"));
        line.setParameterExceptionHandler(
                (e, _) -> {
                    CommandSpec command = e.getCommandLine().getCommandSpec();
                    err.println(command.qualifiedName() + ": " + message(e));
                    err.println("Try '" + command.qualifiedName() + " --help'.");
                    return command.exitCodeOnInvalidInput();
                });
        line.setExecutionExceptionHandler(
                (e, command, _) -> {
                    if (e instanceof StandardOutput.Lost lost) {
                        return end(lost, err);
                    }
                    if (runnel.stacktrace) {
                        e.printStackTrace(err);
                    } else {
                        String name = command.getCommandSpec().qualifiedName();
                        err.println(name + ": " + Failures.describe(e));
                    }
                    return command.getCommandSpec().exitCodeOnExecutionException();
                });
        line.setExecutionStrategy(
                parsed -> {
                    try {
                        return new CommandLine.RunLast().execute(parsed);
                    } catch (StandardOutput.Lost e) { // of a text of help
                        return end(e, err);
                    }
                });
        try {
            int code = line.execute(args);
            out.flush();
            return code;
        } catch (StandardOutput.Lost e) {
            return end(e, err);
        } catch (OutOfMemoryError e) {
            err.println(
                    "runnel: out of memory ("
                            + e.getMessage()
                            + "): the heap has "
                            + (Runtime.getRuntime().maxMemory() >> 20)
                            + " MB; RUNNEL_JAVA_OPTS=-Xmx4g gives it 4 GB");
            return line.getCommandSpec().exitCodeOnExecutionException();
        } finally {
            err.flush();
        }
    }

    /// The end of a run whose output is lost; a reader who has left need not be told.
    private static int end(StandardOutput.Lost lost, PrintWriter err) {
        if (!lost.isOfReader()) {
            err.println("runnel: " + lost.getMessage());
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    private static String message(CommandLine.ParameterException e) {
        CommandLine line = e.getCommandLine();
        if (e instanceof CommandLine.UnmatchedArgumentException u && !u.isUnknownOption()) {
            String word = "'" + u.getUnmatched().getFirst() + "'";
            return line.getSubcommands().isEmpty()
                    ? word + " is one argument too many; words that belong together need quotes"
                    : "there is no command %s; commands are %s"
                            .formatted(word, String.join(", ", line.getSubcommands().keySet()));
        }
        return String.valueOf(e.getMessage());
    }

    /// Whether stack traces were asked for.
    static boolean wantsStackTrace(CommandSpec command) {
        return command.root().userObject() instanceof Runnel r && r.stacktrace;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "expected a command");
    }

    /// The JVM writes a warning about its incubating Vector API to stderr before any code of ours
    /// runs, and has no flag against it. So the launcher hides stderr from the JVM and names the
    /// descriptor under which it lies, which is written to from here on.
    private static void takeOverStderr() {
        String number = System.getProperty("runnel.stderr");
        if (number == null) {
            return;
        }
        try {
            Constructor<FileDescriptor> constructor =
                    FileDescriptor.class.getDeclaredConstructor(int.class);
            constructor.setAccessible(true);
            FileDescriptor descriptor = constructor.newInstance(Integer.parseInt(number));
            System.setErr(
                    new PrintStream(
                            new FileOutputStream(descriptor), true, StandardCharsets.UTF_8));
        } catch (ReflectiveOperationException | RuntimeException e) {
            System.out.println("runnel: stderr is lost: " + e);
        }
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Runnel.class.getPackage().getImplementationVersion();
            return new String[] {
                "runnel "
                        + (version == null ? "(unpackaged)" : version)
                        + " on JDK "
                        + Runtime.version()
                        + ", "
                        + System.getProperty("os.arch")
            };
        }
    }
}
