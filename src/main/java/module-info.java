/// Runnel: a SIMD runtime for recurrent neural networks.
///
/// [dev.runnel.Model] compiles a [dev.runnel.graph.Graph]; sessions and states step it.
@org.jspecify.annotations.NullMarked
module dev.runnel {
    requires jdk.incubator.vector;
    requires static jdk.management; // for HeapMeter, where it is there
    requires static org.jspecify;

    exports dev.runnel;
    exports dev.runnel.decode;
    exports dev.runnel.graph;
}
