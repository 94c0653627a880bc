package dev.runnel.tools;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/// A line on a terminal that shows how much of something is done, while it is done. It redraws
/// itself from a thread of its own and is gone when closed.
final class ProgressBar implements AutoCloseable {
    private static final int CELLS = 30;
    private static final long REDRAW_MILLIS = 100;

    private final PrintWriter terminal;
    private final String title;
    private final long total;
    private final LongSupplier done;
    private final Thread thread;
    private int width;

    /// @param total bytes
    /// @param done bytes so far; asked by another thread
    ProgressBar(PrintWriter terminal, String title, long total, LongSupplier done) {
        this.terminal = terminal;
        this.title = title;
        this.total = Math.max(total, 1);
        this.done = done;
        draw();
        thread = Thread.ofPlatform().daemon().name("progress bar").start(this::redraw);
    }

    private void redraw() {
        try {
            while (true) {
                Thread.sleep(REDRAW_MILLIS);
                draw();
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private void draw() {
        double share = Math.clamp(done.getAsLong() / (double) total, 0, 1);
        int full = (int) (share * CELLS);
        String line =
                String.format(
                        Locale.ROOT,
                        "%s [%s%s] %3.0f %% of %,d MB",
                        title,
                        "#".repeat(full),
                        " ".repeat(CELLS - full),
                        100 * share,
                        total >> 20);
        terminal.print("\r" + line);
        terminal.flush();
        width = line.length();
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        terminal.print("\r" + " ".repeat(width) + "\r");
        terminal.flush();
    }
}
