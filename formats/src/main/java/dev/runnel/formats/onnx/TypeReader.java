package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
import dev.runnel.formats.file.Message;
import dev.runnel.formats.proto.TensorShapeProto;
import dev.runnel.formats.proto.TypeProto;
import dev.runnel.formats.proto.ValueInfoProto;
import dev.runnel.graph.DType;
import dev.runnel.graph.ValueInfo;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/// What a file says of the inputs and outputs of its graphs.
final class TypeReader {
    private final MappedFile file;

    TypeReader(MappedFile file) {
        this.file = file;
    }

    /// The input or output `p`, which messages call `what`: `input 'x'`.
    ///
    /// @throws dev.runnel.UnsupportedModelException if it is no tensor, or of a type Runnel does
    ///   not have
    /// @throws dev.runnel.MalformedModelException if its type is missing
    ValueInfo read(Message p, String what) {
        Message type = type(p);
        switch (kind(type)) {
            case TypeProto.TENSOR_TYPE_FIELD_NUMBER -> {}
            case 0 -> throw file.malformed(what + " has no type");
            default ->
                    throw file.unsupported(
                            what + " has type " + text(type) + "; only tensors are supported");
        }
        Message tensor = tensorType(type);
        int code = elementType(tensor);
        DType dtype = DType.ofOnnxCode(code);
        if (dtype == null) {
            throw code == 0
                    ? file.malformed(what + " has no element type")
                    : file.unsupported(
                            what
                                    + " has elements of type "
                                    + TensorReader.typeName(code)
                                    + ", which Runnel does not have");
        }
        return new ValueInfo(p.text(ValueInfoProto.NAME_FIELD_NUMBER), dtype, dims(tensor, what));
    }

    private @Nullable List<ValueInfo.Dim> dims(Message tensor, String what) {
        List<Message> declared = dims(tensor);
        if (declared == null) {
            return null;
        }
        List<ValueInfo.Dim> dims = new ArrayList<>();
        for (Message d : declared) {
            dims.add(dim(d, what));
        }
        return dims;
    }

    /// Exporters write 0 and -1 for a dimension that the caller chooses as well as leaving it out.
    private ValueInfo.Dim dim(Message d, String what) {
        long value = d.number(TensorShapeProto.Dimension.DIM_VALUE_FIELD_NUMBER);
        if (value < -1) {
            throw file.malformed(what + " has dimension " + value);
        }
        return value > 0
                ? ValueInfo.Dim.of(value)
                : ValueInfo.Dim.of(d.text(TensorShapeProto.Dimension.DIM_PARAM_FIELD_NUMBER));
    }

    /// The type of an input or output.
    static Message type(Message value) {
        return value.message(ValueInfoProto.TYPE_FIELD_NUMBER, "TypeProto");
    }

    /// The number of the field that says what kind of value the type is of; 0 if none does.
    static int kind(Message type) {
        return type.oneOf(
                TypeProto.TENSOR_TYPE_FIELD_NUMBER,
                TypeProto.SEQUENCE_TYPE_FIELD_NUMBER,
                TypeProto.MAP_TYPE_FIELD_NUMBER,
                TypeProto.OPAQUE_TYPE_FIELD_NUMBER,
                TypeProto.SPARSE_TENSOR_TYPE_FIELD_NUMBER,
                TypeProto.OPTIONAL_TYPE_FIELD_NUMBER);
    }

    static Message tensorType(Message type) {
        return type.message(TypeProto.TENSOR_TYPE_FIELD_NUMBER, "TypeProto.Tensor");
    }

    static int elementType(Message tensorType) {
        return (int) tensorType.number(TypeProto.Tensor.ELEM_TYPE_FIELD_NUMBER);
    }

    /// The dimensions of a tensor type; null if it does not even say the rank.
    static @Nullable List<Message> dims(Message tensorType) {
        return tensorType.has(TypeProto.Tensor.SHAPE_FIELD_NUMBER)
                ? tensorType
                        .message(TypeProto.Tensor.SHAPE_FIELD_NUMBER, "TensorShapeProto")
                        .messages(TensorShapeProto.DIM_FIELD_NUMBER, "TensorShapeProto.Dimension")
                : null;
    }

    /// A type as the standard writes it: `sequence(tensor(float32))`.
    static String text(Message type) {
        int kind = kind(type);
        Message inner = type.message(kind, "TypeProto");
        return switch (kind) {
            case TypeProto.TENSOR_TYPE_FIELD_NUMBER ->
                    "tensor(" + TensorReader.typeName(elementType(inner)) + ")";
            case TypeProto.SPARSE_TENSOR_TYPE_FIELD_NUMBER ->
                    "sparse_tensor(" + TensorReader.typeName(elementType(inner)) + ")";
            case TypeProto.SEQUENCE_TYPE_FIELD_NUMBER ->
                    "sequence(" + text(inner, TypeProto.Sequence.ELEM_TYPE_FIELD_NUMBER) + ")";
            case TypeProto.OPTIONAL_TYPE_FIELD_NUMBER ->
                    "optional(" + text(inner, TypeProto.Optional.ELEM_TYPE_FIELD_NUMBER) + ")";
            case TypeProto.MAP_TYPE_FIELD_NUMBER ->
                    "map("
                            + TensorReader.typeName(
                                    (int) inner.number(TypeProto.Map.KEY_TYPE_FIELD_NUMBER))
                            + ", "
                            + text(inner, TypeProto.Map.VALUE_TYPE_FIELD_NUMBER)
                            + ")";
            case TypeProto.OPAQUE_TYPE_FIELD_NUMBER ->
                    "opaque(" + inner.text(TypeProto.Opaque.NAME_FIELD_NUMBER) + ")";
            default -> "value of unknown type";
        };
    }

    private static String text(Message type, int field) {
        return text(type.message(field, "TypeProto"));
    }
}
