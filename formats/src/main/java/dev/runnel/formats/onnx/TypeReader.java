package dev.runnel.formats.onnx;

import dev.runnel.formats.file.MappedFile;
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
    ValueInfo read(ValueInfoProto p, String what) {
        TypeProto type = p.getType();
        switch (type.getValueCase()) {
            case TENSOR_TYPE -> {}
            case VALUE_NOT_SET -> throw file.malformed(what + " has no type");
            default ->
                    throw file.unsupported(
                            what + " has type " + text(type) + "; only tensors are supported");
        }
        int code = type.getTensorType().getElemType();
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
        return new ValueInfo(p.getName(), dtype, dims(type.getTensorType(), what));
    }

    private @Nullable List<ValueInfo.Dim> dims(TypeProto.Tensor type, String what) {
        if (!type.hasShape()) {
            return null;
        }
        List<ValueInfo.Dim> dims = new ArrayList<>();
        for (TensorShapeProto.Dimension d : type.getShape().getDimList()) {
            dims.add(dim(d, what));
        }
        return dims;
    }

    /// Exporters write 0 and -1 for a dimension that the caller chooses as well as leaving it out.
    private ValueInfo.Dim dim(TensorShapeProto.Dimension d, String what) {
        if (d.getDimValue() < -1) {
            throw file.malformed(what + " has dimension " + d.getDimValue());
        }
        return d.getDimValue() > 0
                ? ValueInfo.Dim.of(d.getDimValue())
                : ValueInfo.Dim.of(d.getDimParam());
    }

    /// A type as the standard writes it: `sequence(tensor(float32))`.
    static String text(TypeProto type) {
        return switch (type.getValueCase()) {
            case TENSOR_TYPE ->
                    "tensor(" + TensorReader.typeName(type.getTensorType().getElemType()) + ")";
            case SPARSE_TENSOR_TYPE ->
                    "sparse_tensor("
                            + TensorReader.typeName(type.getSparseTensorType().getElemType())
                            + ")";
            case SEQUENCE_TYPE -> "sequence(" + text(type.getSequenceType().getElemType()) + ")";
            case OPTIONAL_TYPE -> "optional(" + text(type.getOptionalType().getElemType()) + ")";
            case MAP_TYPE ->
                    "map("
                            + TensorReader.typeName(type.getMapType().getKeyType())
                            + ", "
                            + text(type.getMapType().getValueType())
                            + ")";
            case OPAQUE_TYPE -> "opaque(" + type.getOpaqueType().getName() + ")";
            case VALUE_NOT_SET -> "value of unknown type";
        };
    }
}
