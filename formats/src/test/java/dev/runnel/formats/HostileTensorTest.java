package dev.runnel.formats;

import static dev.runnel.formats.Onnx.attribute;
import static dev.runnel.formats.Onnx.model;
import static dev.runnel.formats.Onnx.node;
import static dev.runnel.formats.Onnx.tensor;

import com.google.protobuf.ByteString;

import dev.runnel.formats.proto.FunctionProto;
import dev.runnel.formats.proto.ModelProto;
import dev.runnel.formats.proto.NodeProto;
import dev.runnel.formats.proto.SparseTensorProto;
import dev.runnel.formats.proto.TensorProto;

import org.junit.jupiter.api.Test;

import java.util.Arrays;

/// Tensors and functions that are wrong, and the very words in which they are refused.
class HostileTensorTest extends Hostile {
    // ---- tensors

    @Test
    void tensor_withDimensionsThatOverflow_isMalformed() {
        malformed(
                "tensor 'w': shape [4294967296, 4294967296] has more than 2^63 - 1 elements",
                withInitializer(tensor("w").clearDims().addDims(1L << 32).addDims(1L << 32)));
        malformed(
                "tensor 'w': float32[4611686018427387904] takes more than 2^63 - 1 bytes",
                withInitializer(tensor("w").clearDims().addDims(1L << 62)));
        malformed(
                "tensor 'w': shape [-1] has a negative dimension",
                withInitializer(tensor("w", 1).clearDims().addDims(-1)));
    }

    @Test
    void tensor_of2GBIn100Bytes_isMalformed() {
        malformed(
                "tensor 'w' has 8 bytes of raw_data, expected 2147483648 for float32[536870912]",
                withInitializer(tensor("w", 1, 2).setDims(0, 1 << 29)));
        malformed(
                "tensor 'w' has 1 elements in float_data, expected 536870912 for"
                        + " float32[536870912]",
                withInitializer(tensor("w").setDims(0, 1 << 29).clearRawData().addFloatData(1)));
        malformed(
                "tensor 'w' has no elements, expected 536870912 for float32[536870912]",
                withInitializer(tensor("w").setDims(0, 1 << 29).clearRawData()));
    }

    @Test
    void tensor_withElementsInTwoPlaces_isMalformed() {
        malformed(
                "tensor 'w' has elements in both raw_data and float_data",
                withInitializer(tensor("w", 1).addFloatData(1)));
        malformed(
                "tensor 'w' has elements in int64_data, expected raw_data or float_data for"
                        + " float32[1]",
                withInitializer(tensor("w", 1).clearRawData().addInt64Data(1)));
    }

    @Test
    void tensor_withElementsOutOfRange_isMalformed() {
        malformed(
                "tensor 'w' has 300 as element 0, expected -128 to 127 for int8",
                withInitializer(tensor("w", 1).clearRawData().setDataType(3).addInt32Data(300)));
        malformed(
                "tensor 'w' has 7 as element 1, expected 0 or 1 for bool",
                withInitializer(
                        tensor("w", 1, 2).setDataType(9).setRawData(ByteString.fromHex("0107"))));
    }

    @Test
    void tensor_ofATypeWeDoNotHave_isUnsupported() {
        malformed("tensor 'w' has no data_type", withInitializer(tensor("w", 1).clearDataType()));
        unsupported(
                "tensor 'w' has elements of type string, which Runnel does not have",
                withInitializer(tensor("w", 1).setDataType(8)));
        unsupported(
                "tensor 'w' has elements of type int4, which Runnel does not have",
                withInitializer(tensor("w", 1).setDataType(22)));
        unsupported(
                "tensor 'w' has elements of type number 77, which Runnel does not have",
                withInitializer(tensor("w", 1).setDataType(77)));
        unsupported(
                "tensor 'w' is a segment of a larger tensor, or no tensor",
                withInitializer(
                        tensor("w", 1).setSegment(TensorProto.Segment.newBuilder().setEnd(1))));
        ModelProto.Builder sparse = model(13);
        sparse.getGraphBuilder()
                .addSparseInitializer(SparseTensorProto.newBuilder().setValues(tensor("w", 1)));
        unsupported("tensor 'w' is a sparse initializer", sparse);
    }

    // ---- functions

    private static FunctionProto.Builder function(String name, NodeProto.Builder... nodes) {
        FunctionProto.Builder f =
                FunctionProto.newBuilder()
                        .setDomain("my")
                        .setName(name)
                        .addInput("a")
                        .addOutput("b");
        Arrays.stream(nodes).forEach(f::addNode);
        return f;
    }

    private static NodeProto.Builder call(String name, String inputs, String outputs) {
        return node(name, inputs, outputs).setDomain("my");
    }

    @Test
    void function_thatCallsItself_isMalformed() {
        malformed(
                "node 'n/n/n' (my.f): functions call each other without end, or deeper than 64:"
                        + " my.f > my.g > …",
                model(13, call("f", "x", "y"))
                        .addFunctions(function("f", call("g", "a", "b")))
                        .addFunctions(function("g", call("f", "a", "b"))));
    }

    @Test
    void functions_thatGrowByPowers_areMalformed() {
        ModelProto.Builder m = model(13, call("f0", "x", "y"));
        for (int i = 0; i < 40; i++) {
            m.addFunctions(
                    function(
                            "f" + i, call("f" + (i + 1), "a", "t"), call("f" + (i + 1), "t", "b")));
        }
        m.addFunctions(function("f40", node("Relu", "a", "b")));
        malformed("the model has more than 1000000 nodes once its functions are expanded", m);
    }

    @Test
    void function_calledWrongly_isMalformed() {
        malformed(
                "node 'n' (my.f): has 2 inputs and 1 outputs, expected at most 1 and 1",
                model(13, call("f", "x x", "y"))
                        .addFunctions(function("f", node("Relu", "a", "b"))));
        malformed(
                "node 'n' (my.f): attribute 'k' is none of the function's",
                model(13, call("f", "x", "y").addAttribute(attribute("k", 1)))
                        .addFunctions(function("f", node("Relu", "a", "b"))));
        malformed(
                "function 'my.f' is defined twice",
                model(13).addFunctions(function("f")).addFunctions(function("f")));
        malformed(
                "node 'n' (Relu): attribute 'k' refers to 'l' of a function, but the node is in"
                        + " none",
                model(13, node("Relu", "x", "y", attribute("k", 1).setRefAttrName("l"))));
    }
}
