package dev.runnel.internal.kernel;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// HotSpot's compiler log (`-XX:+LogCompilation`), read for one thing: calls by which a vector
/// leaves the registers because C2 did not inline them, in the last code of each method.
final class CompilerLog {
    private static final String OURS = "dev.runnel.internal.kernel.vector.";
    private static final List<String> VECTOR_PACKAGES =
            List.of("jdk.incubator.vector.", "jdk.internal.vm.vector.");
    private static final Pattern ATTRIBUTE = Pattern.compile(" (\\w+)='([^']*)'");

    private record Callee(String holder, String name, String returns) {
        boolean hasVectors() {
            return VECTOR_PACKAGES.stream().anyMatch(p -> holder.startsWith(p))
                    || holder.startsWith(OURS)
                            && VECTOR_PACKAGES.stream().anyMatch(p -> returns.startsWith(p));
        }
    }

    private final Map<String, TreeSet<String>> rejected = new TreeMap<>();
    private final Map<String, String> inForce = new TreeMap<>();

    // What is known within one task.
    private String task = "";
    private final Map<String, String> types = new HashMap<>();
    private final Map<String, Callee> callees = new HashMap<>();
    private final TreeSet<String> found = new TreeSet<>();
    private Callee callee = new Callee("", "", "");

    private CompilerLog() {}

    static CompilerLog read(Path file) throws IOException {
        CompilerLog log = new CompilerLog();
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                log.add(line.strip());
            }
        }
        return log;
    }

    /// Our methods that C2 has compiled.
    int methods() {
        return rejected.size();
    }

    /// A line for each call that was not inlined: method, call, C2's reason.
    List<String> complaints() {
        List<String> all = new ArrayList<>();
        rejected.forEach((method, calls) -> calls.forEach(c -> all.add(method + ": " + c)));
        return all;
    }

    /// The level of each of our methods' last code, 4 for C2's; why C2 failed where it did.
    Map<String, String> inForce() {
        return inForce;
    }

    private void add(String line) {
        if (line.startsWith("<nmethod ")) {
            Map<String, String> a = attributes(line);
            String method = a.getOrDefault("method", "").replace(' ', '.');
            if (method.startsWith(OURS) && !a.containsKey("compile_kind")) {
                inForce.put(method.substring(OURS.length()), a.getOrDefault("level", ""));
            }
        }
        if (line.startsWith("<task ")) {
            Map<String, String> a = attributes(line);
            boolean byC2 = !a.containsKey("level"); // C1's levels are 1 to 3
            String osr = a.containsKey("osr_bci") ? " (on-stack)" : "";
            String method = a.getOrDefault("method", "").replace(' ', '.') + osr;
            task = byC2 && method.startsWith(OURS) ? method.substring(OURS.length()) : "";
            types.clear();
            callees.clear();
            found.clear();
        } else if (!task.isEmpty()) {
            addOfTask(line);
        }
    }

    private void addOfTask(String line) {
        if (line.startsWith("<klass ") || line.startsWith("<type ")) {
            Map<String, String> a = attributes(line);
            types.put(a.get("id"), a.get("name"));
        } else if (line.startsWith("<method ")) {
            Map<String, String> a = attributes(line);
            callees.put(
                    a.get("id"),
                    new Callee(
                            types.getOrDefault(a.get("holder"), ""),
                            a.getOrDefault("name", ""),
                            types.getOrDefault(a.get("return"), "")));
        } else if (line.startsWith("<call ")) {
            callee = callees.getOrDefault(attributes(line).get("method"), new Callee("", "", ""));
        } else if (line.startsWith("<inline_fail ") && callee.hasVectors()) {
            found.add(callee.holder + "." + callee.name + ": " + attributes(line).get("reason"));
        } else if (line.startsWith("<failure ")) {
            inForce.merge(task, attributes(line).getOrDefault("reason", ""), (a, b) -> a + " " + b);
        } else if (line.startsWith("<task_done ") && attributes(line).get("success").equals("1")) {
            rejected.put(task, new TreeSet<>(found));
        }
    }

    private static Map<String, String> attributes(String line) {
        Map<String, String> all = new HashMap<>();
        Matcher m = ATTRIBUTE.matcher(line);
        while (m.find()) {
            all.put(m.group(1), m.group(2));
        }
        return all;
    }
}
