package dev.runnel.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/// The launcher in a tree of its own, with a Maven and with JDKs that only tell how they were
/// called.
class LauncherTest {
    /// What the launcher calls; the PATH of the tests has nothing else.
    private static final List<String> COMMANDS =
            List.of(
                    "bash",
                    "cat",
                    "dirname",
                    "env",
                    "find",
                    "flock",
                    "grep",
                    "head",
                    "locale",
                    "mkdir",
                    "mv",
                    "readlink",
                    "rm",
                    "sed",
                    "sleep",
                    "tail",
                    "touch");

    @TempDir private Path temp;
    private Path root;
    private Path bin;
    private Path jvm;
    private final Map<String, String> environment = new TreeMap<>();

    private record Outcome(int exit, String out, String err) {}

    @BeforeEach
    void makeTree() throws IOException {
        temp = temp.toRealPath();
        Path script = Path.of(System.getProperty("runnel.root", "..")).resolve("runnel");
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "not run: there is no /bin/bash");
        root = temp.resolve("a tree");
        bin = temp.resolve("bin");
        jvm = temp.resolve("jvm");
        for (String source : List.of("src/main", "formats/src/main", "tools/src/main")) {
            Files.createDirectories(root.resolve(source));
        }
        for (String pom : List.of("pom.xml", "src/pom.xml", "formats/pom.xml", "tools/pom.xml")) {
            Files.writeString(root.resolve(pom), "");
        }
        String text = Files.readString(script);
        String confined =
                text.replaceFirst("(?s)\nplaces=\".*?\"\n", "\nplaces=\"" + jvm + "/*\"\n");
        assertThat(confined).isNotEqualTo(text);
        executable(root.resolve("runnel"), confined);
        Files.createDirectories(bin);
        for (String command : COMMANDS) {
            for (String folder : List.of("/usr/bin", "/bin")) {
                Path found = Path.of(folder, command);
                if (Files.exists(found) && !Files.exists(bin.resolve(command))) {
                    executable(bin.resolve(command), "#!/bin/bash\nexec " + found + " \"$@\"\n");
                }
            }
        }
        environment.put("PATH", bin.toString());
        environment.put("HOME", temp.resolve("home").toString());
        maven("mkdir -p tools/target/lib; echo built >> builds");
    }

    @Test
    void jdk_missing_isOneSentence() throws Exception {
        assertThat(launch())
                .isEqualTo(
                        new Outcome(
                                1,
                                "",
                                "runnel: needs a JDK 25 or newer, but found no Java at all; install"
                                        + " one, for example from https://adoptium.net, or name one"
                                        + " with RUNNEL_JAVA_HOME=/path/to/jdk\n"));
    }

    @Test
    void jdk_tooOld_isNamed() throws Exception {
        Path old = jdk("java-17", "17.0.15");
        Path older = jdk("java-8", "1.8.0_402");
        Files.delete(older.resolve("bin/javac"));
        assertThat(launch())
                .isEqualTo(
                        new Outcome(
                                1,
                                "",
                                "runnel: needs a JDK 25 or newer, but found JDK 17 ("
                                        + old
                                        + "), JRE 8 ("
                                        + older
                                        + "); install one, for example from https://adoptium.net,"
                                        + " or name one with RUNNEL_JAVA_HOME=/path/to/jdk\n"));
    }

    @Test
    void jdk_namedButTooOld_isRefused() throws Exception {
        jdk("java-25", "25.0.1");
        Path old = jdk("java-17", "17.0.15");
        environment.put("RUNNEL_JAVA_HOME", old.toString());
        assertThat(launch())
                .isEqualTo(
                        new Outcome(
                                1,
                                "",
                                "runnel: RUNNEL_JAVA_HOME is "
                                        + old
                                        + ", which holds JDK 17 ("
                                        + old
                                        + "); expected a JDK 25 or newer\n"));
    }

    @Test
    void jdk_fromEachPlace_isFound() throws Exception {
        Path jdk = jdk("../elsewhere/jdk", "26-ea");
        Path old = jdk("java-17", "17.0.15");
        environment.put("JAVA_HOME", jdk.toString());
        assertThat(launch().exit).isZero();

        environment.put("JAVA_HOME", old.toString());
        environment.put("PATH", jdk.resolve("bin") + ":" + bin);
        assertThat(launch().exit).isZero();

        environment.put("PATH", old.resolve("bin") + ":" + bin);
        Path home = Path.of(environment.get("HOME"));
        Files.createDirectories(home.resolve(".m2"));
        Files.writeString(
                home.resolve(".m2/toolchains.xml"),
                "<toolchains>\n  <jdkHome> " + jdk + " </jdkHome>\n</toolchains>\n");
        assertThat(launch().exit).isZero();

        Files.delete(home.resolve(".m2/toolchains.xml"));
        assertThat(launch().exit).isEqualTo(1);
        Files.createDirectories(home.resolve(".jdks"));
        Files.createSymbolicLink(home.resolve(".jdks/newest"), jdk);
        assertThat(launch().exit).isZero();
    }

    @Test
    void build_once_thenOnlyAfterChanges() throws Exception {
        jdk("java-25", "25.0.1");
        assertThat(launch().err)
                .matches("Building Runnel \\(once, a minute or three\\) … done in \\d+ s\n");
        assertThat(launch().err).isEmpty();
        Files.writeString(root.resolve("tools/src/main/New.java"), "");
        assertThat(launch().err)
                .matches("Building Runnel anew, its sources have changed … done in \\d+ s\n");
        assertThat(Files.readAllLines(root.resolve("builds"))).hasSize(2);
        assertThat(launch().err).isEmpty();
    }

    @Test
    void build_failing_showsItsErrorsAndTheLog() throws Exception {
        jdk("java-25", "25.0.1");
        maven(
                "echo '[INFO] much'; echo '[ERROR] Foo.java: no'; echo '[ERROR] -> [Help 1]'; exit"
                        + " 1");
        assertThat(launch())
                .isEqualTo(
                        new Outcome(
                                1,
                                "",
                                "Building Runnel (once, a minute or three) … failed\n"
                                        + "[ERROR] Foo.java: no\n"
                                        + "runnel: the build failed; all it said is in "
                                        + root.resolve("tools/target/launch/build.log")
                                        + "\n"));
        maven("mkdir -p tools/target/lib");
        assertThat(launch().exit).isZero();
    }

    @Test
    void build_withoutMaven_saysSo() throws Exception {
        jdk("java-25", "25.0.1");
        Files.delete(bin.resolve("mvn"));
        assertThat(launch())
                .isEqualTo(
                        new Outcome(
                                1,
                                "",
                                "runnel: needs Maven 3.8 or newer to build itself, but there is no"
                                        + " mvn on the PATH; install one, for example from"
                                        + " https://maven.apache.org\n"));
    }

    @Test
    void build_ofTwoLaunchesAtOnce_runsOnce() throws Exception {
        jdk("java-25", "25.0.1");
        maven("sleep 1; mkdir -p tools/target/lib; echo built >> builds");
        Process first = start("runnel", List.of());
        Process second = start("runnel", List.of());
        assertThat(first.waitFor()).isZero();
        assertThat(second.waitFor()).isZero();
        assertThat(Files.readAllLines(root.resolve("builds"))).hasSize(1);
    }

    @Test
    void arguments_reachTheProgramWhole() throws Exception {
        Path jdk = jdk("java-25", "25.0.1");
        executable(jdk.resolve("bin/java"), "#!/usr/bin/env bash\nprintf '<%s>\\n' \"$@\"\n");
        Path link = temp.resolve("a link");
        Files.createSymbolicLink(link, root.resolve("runnel"));
        Outcome outcome = run(start(link.toString(), List.of("run", "", "two words", "画龙点睛", "*")));
        assertThat(outcome.out)
                .contains("<-cp>\n<" + root + "/tools/target/*:" + root + "/tools/target/lib/*>\n")
                .endsWith("<dev.runnel.tools.Runnel>\n<run>\n<>\n<two words>\n<画龙点睛>\n<*>\n");
    }

    @Test
    void exitCodeAndStderr_areTheProgramsOwn() throws Exception {
        Path jdk = jdk("java-25", "25.0.1");
        Files.writeString(
                jdk.resolve("release"),
                "JAVA_VERSION=\"25.0.1\"\nMODULES=\"java.base jdk.incubator.vector\"\n");
        executable(
                jdk.resolve("bin/java"),
                "#!/usr/bin/env bash\n"
                        + "echo \"$*\"; echo the JVM >&2; echo the program >&3; exit 42\n");
        launch();
        Outcome outcome = launch();
        assertThat(outcome.exit).isEqualTo(42);
        assertThat(outcome.err).isEqualTo("the program\n");
        assertThat(outcome.out).contains("--add-modules jdk.incubator.vector", "-Drunnel.stderr=3");

        environment.put("RUNNEL_JAVA_OPTS", "-Xmx1g -Xint");
        executable(jdk.resolve("bin/java"), "#!/usr/bin/env bash\necho \"$*\"; echo the JVM >&2\n");
        outcome = launch();
        assertThat(outcome.err).isEqualTo("the JVM\n");
        assertThat(outcome.out).contains(" -Xmx1g -Xint -cp ").doesNotContain("runnel.stderr");
    }

    @Test
    void descriptorsThatAreClosed_areNothing() throws Exception {
        Path jdk = jdk("java-25", "25.0.1");
        executable(
                jdk.resolve("bin/java"),
                """
                #!/usr/bin/env bash
                cat || echo 'stdin is closed' >&3
                echo out || echo 'stdout is closed' >&3
                echo the program >&3
                exit 7
                """);
        launch();
        String runnel = "'" + root.resolve("runnel") + "'";
        executable(temp.resolve("in"), "#!/usr/bin/env bash\nexec " + runnel + " <&-\n");
        assertThat(run(start("../in", List.of())))
                .isEqualTo(new Outcome(7, "out\n", "the program\n"));
        executable(temp.resolve("out"), "#!/usr/bin/env bash\nexec " + runnel + " >&-\n");
        assertThat(run(start("../out", List.of()))).isEqualTo(new Outcome(7, "", "the program\n"));
        executable(temp.resolve("err"), "#!/usr/bin/env bash\nexec " + runnel + " 2>&-\n");
        assertThat(run(start("../err", List.of()))).isEqualTo(new Outcome(7, "out\n", ""));
    }

    @Test
    void classes_areNotedOnce_andAnewAfterABuild() throws Exception {
        Path jdk = jdk("java-25", "25.0.1");
        executable(
                jdk.resolve("bin/java"),
                """
                #!/usr/bin/env bash
                for a in "$@"; do
                    case $a in
                        -XX:AOTCacheOutput=*) echo noted >"${a#*=}"; echo "$*" >>"$0.noted"; exit ;;
                    esac
                done
                echo "$*"
                """);
        String classes = "-XX:AOTCache=" + root.resolve("tools/target/launch/classes.aot");
        assertThat(launch().out).contains(classes + " -Xlog:disable");
        assertThat(launch().out).contains(classes);
        Files.writeString(root.resolve("tools/src/main/New.java"), "");
        assertThat(launch().out).contains(classes);
        assertThat(Files.readAllLines(jdk.resolve("bin/java.noted")))
                .hasSize(2)
                .allMatch(l -> l.contains("Runnel inspect " + root + "/tools/src/main/resources/"));

        environment.put("RUNNEL_JAVA_OPTS", "-Xint");
        assertThat(launch().out).doesNotContain("AOTCache");
    }

    @Test
    void classes_thatCannotBeNoted_areNotMissed() throws Exception {
        Path jdk = jdk("java-25", "25.0.1");
        executable(
                jdk.resolve("bin/java"),
                "#!/usr/bin/env bash\n[[ $* != *AOTCacheOutput* ]] || exit 1\necho \"$*\"\n");
        Outcome outcome = launch();
        assertThat(outcome.exit).isZero();
        assertThat(outcome.out).contains("dev.runnel.tools.Runnel").doesNotContain("AOTCache");
    }

    private Outcome launch() throws IOException, InterruptedException {
        return run(start("runnel", List.of()));
    }

    private Process start(String command, List<String> arguments) throws IOException {
        List<String> words = new ArrayList<>(List.of(root.resolve(command).toString()));
        words.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(words).directory(temp.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        return builder.start();
    }

    private static Outcome run(Process process) throws IOException, InterruptedException {
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes());
        String err = new String(process.getErrorStream().readAllBytes());
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Outcome(process.exitValue(), out, err);
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = jvm.resolve(name).normalize();
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
        executable(home.resolve("bin/java"), "#!/usr/bin/env bash\n");
        executable(home.resolve("bin/javac"), "#!/usr/bin/env bash\n");
        return home;
    }

    private void maven(String body) throws IOException {
        executable(bin.resolve("mvn"), "#!/usr/bin/env bash\n" + body + "\n");
    }

    private static void executable(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
