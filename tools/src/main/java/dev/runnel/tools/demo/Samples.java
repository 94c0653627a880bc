package dev.runnel.tools.demo;

import java.io.IOException;

/// Sound of one channel that comes as it comes: from a file, a microphone, another rate.
interface Samples {
    /// The rates that are resampled.
    int LEAST_RATE = 1000;

    int MOST_RATE = 768_000;

    /// Samples a second.
    int rate();

    /// Waits for samples, takes those that are there, at most as many as `to` holds.
    ///
    /// @param to is given samples from its beginning, full scale being 1
    /// @return how many, at least 1; -1 at the end
    /// @throws IOException if the source fails, or a sample is no finite number
    int read(float[] to) throws IOException;
}
