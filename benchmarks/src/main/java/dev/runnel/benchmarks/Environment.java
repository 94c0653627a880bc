package dev.runnel.benchmarks;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Where and with what something was measured.
///
/// @param lines what a report says of it
record Environment(String cpu, List<String> lines) {
    private static final Pattern VERSIONED =
            Pattern.compile(
                    "(onnxruntime|dnnl|pytorch-engine|pytorch-native-cpu|jmh-core)"
                            + "-(\\d.*?)(?:-linux-x86_64)?\\.jar");

    static Environment ofThisMachine() {
        String cpu = line("/proc/cpuinfo", "model name").orElse(System.getProperty("os.arch"));
        String affinity = line("/proc/self/status", "Cpus_allowed_list").orElse("unknown");
        List<String> lines = new ArrayList<>();
        lines.add(
                "CPU: "
                        + cpu
                        + kind()
                        + ", "
                        + cores()
                        + " cores, of which those used: "
                        + affinity);
        lines.add(
                "JDK: "
                        + System.getProperty("java.vm.name")
                        + " "
                        + System.getProperty("java.runtime.version")
                        + ", "
                        + System.getProperty("os.name")
                        + " "
                        + System.getProperty("os.version"));
        lines.add("Runnel: commit " + commit());
        lines.add("with: " + String.join(", ", versions()));
        lines.add(
                "begun: "
                        + LocalDateTime.now()
                                .format(DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm"))
                        + ", load average then: "
                        + first("/proc/loadavg").orElse("unknown"));
        return new Environment(cpu, List.copyOf(lines));
    }

    /// The CPU's name as part of a file name.
    String cpuSlug() {
        return cpu.toLowerCase(Locale.ROOT)
                .replaceAll("\\((r|tm)\\)|cpu|processor|@.*", " ")
                .strip()
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
    }

    /// What tells CPUs of the same name apart, in brackets, if the system says it.
    private static String kind() {
        List<String> numbers = new ArrayList<>();
        for (String key : List.of("cpu family", "model", "stepping")) {
            line("/proc/cpuinfo", key + "\t").ifPresent(v -> numbers.add(key + " " + v));
        }
        return numbers.isEmpty() ? "" : " (" + String.join(", ", numbers) + ")";
    }

    private static long cores() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(l -> l.startsWith("processor")).count();
        } catch (IOException e) {
            return Runtime.getRuntime().availableProcessors();
        }
    }

    private static java.util.Optional<String> line(String file, String key) {
        try (var lines = Files.lines(Path.of(file))) {
            return lines.filter(l -> l.startsWith(key))
                    .map(l -> l.substring(l.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException e) {
            return java.util.Optional.empty();
        }
    }

    private static java.util.Optional<String> first(String file) {
        try (var lines = Files.lines(Path.of(file))) {
            return lines.findFirst().map(l -> l.replaceAll(" \\d+/.*", ""));
        } catch (IOException e) {
            return java.util.Optional.empty();
        }
    }

    /// Results do not count as changes: a run replaces them itself.
    private static String commit() {
        String commit = git("describe", "--always", "--exclude=*");
        String changes =
                git(
                        "status",
                        "--porcelain",
                        "--untracked-files=no",
                        "--",
                        ":/",
                        ":(top,exclude)benchmarks/results");
        return commit.isEmpty() ? "unknown" : commit + (changes.isEmpty() ? "" : "-dirty");
    }

    /// What it says; nothing if it fails.
    private static String git(String... arguments) {
        List<String> command = new ArrayList<>(List.of("git"));
        command.addAll(List.of(arguments));
        try {
            Process git = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said =
                    new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return git.waitFor() == 0 ? said : "";
        } catch (IOException | InterruptedException e) {
            return "";
        }
    }

    /// As the names of the jars on the class path have them.
    private static TreeSet<String> versions() {
        TreeSet<String> versions = new TreeSet<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Matcher m = VERSIONED.matcher(new File(entry).getName());
            if (m.matches()) {
                versions.add(m.group(1) + " " + m.group(2));
            }
        }
        return versions;
    }
}
