package dev.runnel.benchmarks.peers;

import dev.runnel.benchmarks.Engine;
import dev.runnel.benchmarks.Workload;

import org.bytedeco.dnnl.global.dnnl;

/// oneDNN by JavaCPP's preset: its RNN primitives, weights in the format the library likes best,
/// one thread, executed through the C interface, which makes no argument map for each call.
public final class OneDnnEngine implements Engine {
    @Override
    public String name() {
        return "oneDnn";
    }

    @Override
    public Call open(Workload w) {
        if (!"1".equals(System.getenv("OMP_NUM_THREADS"))) {
            throw new IllegalStateException(
                    "OMP_NUM_THREADS is "
                            + System.getenv("OMP_NUM_THREADS")
                            + ", expected 1: oneDNN would use all cores");
        }
        if (w.weights() != Workload.Weights.F32 && !w.hasCell()) {
            throw new UnsupportedOperationException(w.op() + " with weights of " + w.weights());
        }
        return new OneDnnCall(w);
    }

    /// @throws IllegalStateException unless a C function of the library succeeded
    static void require(int status) {
        if (status != dnnl.dnnl_success) {
            throw new IllegalStateException("oneDNN returned status " + status);
        }
    }
}
