/// Weights of fewer bits in a graph: [dev.runnel.formats.StoredPrecision].
package dev.runnel.formats.precision;
