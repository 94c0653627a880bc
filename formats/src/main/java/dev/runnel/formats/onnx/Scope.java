package dev.runnel.formats.onnx;

import dev.runnel.graph.Attribute;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/// How the nodes being read are meant: the operator sets in force and, inside a function, what its
/// formal names stand for at the call.
///
/// @param opsets version by domain; the standard domain is ""
/// @param call the function call being expanded; null outside functions
record Scope(Map<String, Long> opsets, @Nullable Call call) {
    /// A call of a function.
    ///
    /// @param prefix what names within the body begin with
    /// @param tensors actual names of the formal inputs and outputs, and of the others met so far
    /// @param attributes what the body's references to the caller's attributes stand for
    /// @param stack the functions being expanded, outermost first
    record Call(
            String prefix,
            Map<String, String> tensors,
            Map<String, Attribute> attributes,
            List<String> stack,
            Names names) {}

    /// What the tensor called `name` here is called in the graph.
    String tensor(String name) {
        if (call == null || name.isEmpty()) {
            return name;
        }
        return call.tensors.computeIfAbsent(name, n -> call.names.fresh(call.prefix + n));
    }

    /// What the node called `name` here is called in the graph.
    String node(String name) {
        return call == null ? name : call.prefix + name;
    }

    List<String> stack() {
        return call == null ? List.of() : call.stack;
    }
}
