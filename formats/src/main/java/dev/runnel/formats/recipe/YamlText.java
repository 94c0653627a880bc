package dev.runnel.formats.recipe;

import dev.runnel.MalformedModelException;

import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads YAML into [Yaml]: texts, lists and maps, no aliases, no tags, so that a file is no more
/// than what is written in it. The only class that needs snakeyaml-engine.
final class YamlText {
    private static final int DEPTH = 20;
    private final String file;
    private final Iterator<Event> events;

    private YamlText(String file, String text) {
        this.file = file;
        events = new Parse(LoadSettings.builder().build()).parseString(text).iterator();
    }

    /// @throws MalformedModelException if it is no YAML, or has what recipes do not
    static Yaml parse(String file, String text) {
        try {
            return new YamlText(file, text).document();
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(m -> m.getLine() + 1).orElse(1);
            throw new MalformedModelException(
                    file + ":" + line + ": is no YAML: " + e.getProblem(), e);
        } catch (YamlEngineException e) {
            throw new MalformedModelException(file + ": is no YAML: " + e.getMessage(), e);
        }
    }

    private Yaml document() {
        Event first = events.next();
        while (first.getEventId() == Event.ID.StreamStart
                || first.getEventId() == Event.ID.DocumentStart
                || first.getEventId() == Event.ID.Comment) {
            first = events.next();
        }
        if (first.getEventId() == Event.ID.StreamEnd) {
            throw new MalformedModelException(file + ":1: is empty, expected a recipe");
        }
        Yaml root = node(first, "", 0);
        while (events.hasNext()) {
            Event next = events.next();
            if (next.getEventId() == Event.ID.DocumentStart) {
                throw at(next, "").malformed("begins a second document, expected one");
            }
        }
        return root;
    }

    private static int line(Event e) {
        return e.getStartMark().map(m -> m.getLine() + 1).orElse(1);
    }

    private Yaml at(Event e, String path) {
        return new Yaml(file, line(e), path, "", null, null);
    }

    private Yaml node(Event e, String path, int depth) {
        if (e.getEventId() == Event.ID.Alias
                || e instanceof NodeEvent n && n.getAnchor().isPresent()) {
            throw at(e, path).malformed("has an anchor or alias, which recipes have not");
        }
        if (depth > DEPTH) {
            throw at(e, path).malformed("is nested more than " + DEPTH + " deep");
        }
        boolean tagged =
                e instanceof ScalarEvent s && s.getTag().isPresent()
                        || e instanceof CollectionStartEvent c && c.getTag().isPresent();
        if (tagged) {
            throw at(e, path).malformed("has a tag, which recipes have not");
        }
        return switch (e.getEventId()) {
            case Scalar -> {
                ScalarEvent s = (ScalarEvent) e;
                boolean nothing = s.getValue().isEmpty() && s.isPlain();
                yield nothing
                        ? new Yaml(file, line(e), path, null, null, Map.of())
                        : new Yaml(file, line(e), path, s.getValue(), null, null);
            }
            case SequenceStart -> {
                List<Yaml> items = new ArrayList<>();
                for (Event n = next(); n.getEventId() != Event.ID.SequenceEnd; n = next()) {
                    items.add(node(n, path + "[" + items.size() + "]", depth + 1));
                }
                yield new Yaml(file, line(e), path, null, items, null);
            }
            case MappingStart -> map(e, path, depth);
            default -> throw at(e, path).malformed("has something unexpected: " + e.getEventId());
        };
    }

    private Yaml map(Event e, String path, int depth) {
        Map<String, Yaml> entries = new LinkedHashMap<>();
        for (Event k = next(); k.getEventId() != Event.ID.MappingEnd; k = next()) {
            String key = node(k, path, depth + 1).text();
            Yaml value = node(next(), path.isEmpty() ? key : path + "." + key, depth + 1);
            if (entries.put(key, value) != null) {
                throw at(k, path).malformed("has '" + key + "' twice");
            }
        }
        return new Yaml(file, line(e), path, null, null, entries);
    }

    private Event next() {
        Event e = events.next();
        while (e.getEventId() == Event.ID.Comment) {
            e = events.next();
        }
        return e;
    }
}
