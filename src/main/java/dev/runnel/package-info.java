/// The five nouns: [Model], [Session], [State], [Snapshot] and, in its own package, the graph.
package dev.runnel;
