/// What a network is, as immutable data: [Graph], its [Node]s and [Tensor]s.
///
/// A reader (see the module of formats) makes a graph out of a file; tests and programs may build
/// one by hand:
///
/// ```java
/// Graph g = new Graph("double", List.of(ValueInfo.of("x", type)), List.of(ValueInfo.of("y", type)),
///         Map.of(), List.of(new Node("add", "", "Add", List.of("x", "x"), List.of("y"), Map.of())), Map.of());
/// ```
package dev.runnel.graph;
