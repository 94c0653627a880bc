package dev.runnel.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.runnel.Model;
import dev.runnel.Session;
import dev.runnel.State;
import dev.runnel.formats.Models;

import java.io.IOException;
import java.nio.file.Path;

/// A process that makes one step with Runnel: see [ColdStart].
final class ColdRunnel {
    private ColdRunnel() {}

    public static void main(String[] args) throws IOException {
        try (Model model = Model.compile(Models.read(Path.of(args[0])));
                Session session = model.open();
                State stream = model.newState()) {
            session.step(stream);
            ColdStart.ready(session.output("y").get(JAVA_FLOAT, 0));
        }
    }
}
