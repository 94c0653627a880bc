package dev.runnel.tools.trace;

import com.fasterxml.jackson.databind.ObjectMapper;

import dev.runnel.formats.file.AtomicFile;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A trace as a page: the template beside this class, with its style, script and the data in it.
///
/// The data are JSON; values are in base64, step after step, the most active unit first. f, i and o
/// are unsigned bytes, 255 is 1; C̃ and h are signed bytes, 127 is 1; C, whose range is wide, has
/// two bytes, little-endian, 32,767 is the layer's `most`.
final class TracePage {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String GENERATOR = "content=\"runnel demo --trace\"";
    private static final int MOST_HEAD_BYTES = 1000;
    private static final double UNSIGNED = 255;
    private static final double SIGNED = 127;
    private static final double WIDE = 32767;

    private TracePage() {}

    static void write(Trace trace, Path file) throws IOException {
        AtomicFile.write(file, html(trace));
    }

    static boolean is(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            String head = new String(in.readNBytes(MOST_HEAD_BYTES), StandardCharsets.UTF_8);
            return head.isEmpty() || head.contains(GENERATOR);
        }
    }

    static String html(Trace trace) throws IOException {
        // In a script element only "</script" and "<!--" mean something: with no "<" neither is
        // there.
        String data = JSON.writeValueAsString(data(trace)).replace("<", "\\u003c");
        return resource("trace.html")
                .replace("/* STYLE */", resource("trace.css"))
                .replace("/* WORDS */", resource("words.js"))
                .replace("/* MAPS */", resource("maps.js"))
                .replace("/* SCRIPT */", resource("trace.js"))
                .replace("/* DATA */", data);
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = TracePage.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new FileNotFoundException(name + " is not in the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Map<String, Object> data(Trace trace) {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("app", trace.application());
        data.put("subject", trace.subject());
        data.put("dropped", trace.dropped());
        byte[] picture = trace.picture();
        if (picture != null) {
            data.put("picture", "data:image/png;base64," + base64(picture));
        }
        if (trace.sound().length > 0) {
            data.put("sound", base64(loudness(trace.sound())));
        }
        data.put("parts", trace.parts().stream().map(TracePage::part).toList());
        data.put("steps", trace.steps().stream().map(TracePage::step).toList());
        return data;
    }

    /// A byte each, 255 being the loudest.
    private static byte[] loudness(float[] peaks) {
        float most = Float.MIN_NORMAL;
        for (float peak : peaks) {
            most = Math.max(most, peak);
        }
        byte[] bytes = new byte[peaks.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Math.round(peaks[i] / most * UNSIGNED);
        }
        return bytes;
    }

    private static Map<String, Object> step(Trace.Step step) {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("part", step.part());
        data.put("fed", step.fed());
        data.put("given", step.given());
        if (step.next() != null) {
            data.put("next", step.next());
        }
        data.put("start", step.start());
        List<Object> top = new ArrayList<>();
        for (Trace.Choice choice : step.top()) {
            top.add(List.of(choice.token(), Math.round(choice.probability() * 1e5) / 1e5));
        }
        data.put("top", top);
        return data;
    }

    private static Map<String, Object> part(Trace.Part part) {
        return Map.of(
                "name",
                part.name(),
                "layers",
                part.recordings().stream().map(TracePage::layer).toList());
    }

    private static Map<String, Object> layer(Recording recording) {
        int[] order = recording.order();
        double most = recording.greatestCell();
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("units", order);
        data.put("most", most);
        data.put("start", base64(recording.startBytes(WIDE / most, 2, order)));
        data.put("f", base64(recording.bytes(Gates::forget, UNSIGNED, 1, order)));
        data.put("i", base64(recording.bytes(Gates::input, UNSIGNED, 1, order)));
        data.put("g", base64(recording.bytes(Gates::candidate, SIGNED, 1, order)));
        data.put("o", base64(recording.bytes(Gates::output, UNSIGNED, 1, order)));
        data.put("c", base64(recording.bytes(Gates::cell, WIDE / most, 2, order)));
        data.put("h", base64(recording.bytes(Gates::hidden, SIGNED, 1, order)));
        return data;
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
