package dev.runnel.benchmarks;

import java.io.IOException;

/// A process that does nothing: see [ColdStart].
final class ColdJvm {
    private ColdJvm() {}

    public static void main(String[] args) throws IOException {
        ColdStart.ready(0);
    }
}
