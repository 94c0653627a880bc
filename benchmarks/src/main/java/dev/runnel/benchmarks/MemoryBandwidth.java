package dev.runnel.benchmarks;

import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// What are the limits: how fast does one core read a block of memory again and again, by its size,
/// and how many fused multiply-adds can it do in registers?
///
/// ```
/// benchmarks/run MemoryBandwidth
/// ```
public class MemoryBandwidth extends LayerBenchmark {
    static final double FLOPS = 1e7;

    /// The block's size in KiB, or `fma` for the arithmetic: 10 million operations.
    @Param({"fma", "24", "32", "128", "512", "1024", "2048", "4096", "8192", "32768", "131072"})
    String model = "";

    @Param({"limit"})
    String engine = "";

    @Setup
    public void open() {
        call =
                model.equals("fma")
                        ? new PeakFma.Fmas(FLOPS)
                        : new ReadBandwidth.Read(1024 * Long.parseLong(model));
    }
}
