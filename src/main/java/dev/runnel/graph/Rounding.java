package dev.runnel.graph;

/// What a tensor of weights lost when it was packed in fewer bits: how far the weights that the
/// kernels compute with are from its elements.
///
/// @param node the name of the node that multiplies with it
/// @param tensor its name among the node's inputs
/// @param max the largest |Δw|; NaN if there is none, as of int8 weights with a NaN among them
/// @param mean the mean |Δw|
public record Rounding(String node, String tensor, Precision precision, double max, double mean) {}
