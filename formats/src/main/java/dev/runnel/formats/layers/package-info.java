/// Layers and their weights, whatever the framework: [GraphBuilder] makes a graph of them, in the
/// vocabulary of ONNX. The one place that knows how frameworks order gates, transpose kernels and
/// double biases is [CellWeights].
package dev.runnel.formats.layers;
