package dev.runnel.formats.keras;

import dev.runnel.formats.file.Elements;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import io.jhdf.api.Dataset;
import io.jhdf.api.dataset.ChunkedDataset;
import io.jhdf.api.dataset.ContiguousDataset;
import io.jhdf.dataset.DatasetBase;
import io.jhdf.filter.PipelineFilterWithData;
import io.jhdf.object.datatype.DataType;
import io.jhdf.object.datatype.EnumDataType;
import io.jhdf.object.datatype.FixedPoint;
import io.jhdf.object.datatype.FloatingPoint;
import io.jhdf.object.datatype.OrderedDataType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Set;

/// The elements of one dataset: a slice of the file where they are stored in one piece, else a copy
/// off-heap.
final class HdfData {
    /// What deflate makes of a byte at most.
    static final long MAX_RATIO = 1032;

    private static final int DEFLATE = 1;

    /// Deflate, shuffle and Fletcher's checksum.
    private static final Set<Integer> FILTERS = Set.of(DEFLATE, 2, 3);

    private final MappedFile file;
    private final String name;
    private final Dataset dataset;
    private final TensorType type;

    HdfData(MappedFile file, String name, Dataset dataset) {
        this.file = file;
        this.name = name;
        this.dataset = dataset;
        DType dtype = dtype(dataset.getDataType());
        long[] dims = Arrays.stream(dataset.getDimensions()).asLongStream().toArray();
        try {
            type = new TensorType(dtype, Shape.of(dims));
            type.byteSize();
        } catch (IllegalArgumentException e) {
            throw file.malformed(
                    "dataset '" + name + "' has shape " + Arrays.toString(dims) + ", too large");
        }
    }

    /// Bytes that [#tensor] will copy, as the file declares them; checked against what it holds.
    long copiedBytes() {
        long bytes = type.byteSize();
        if (bytes == 0) {
            return 0;
        }
        if (dataset instanceof ContiguousDataset) {
            return isSwapped() ? bytes : 0;
        }
        if (dataset instanceof ChunkedDataset chunked) {
            checkChunks(chunked);
        }
        return bytes;
    }

    Tensor tensor() {
        long bytes = type.byteSize();
        MemorySegment data;
        if (bytes == 0) {
            data = file.bytes().asSlice(0, 0);
        } else if (dataset instanceof ContiguousDataset contiguous) {
            long at = contiguous.getDataAddress();
            if (at < 0 || at > file.size() - bytes) {
                throw file.malformed(
                        "dataset '"
                                + name
                                + "' has "
                                + bytes
                                + " bytes at "
                                + at
                                + ", expected them within the file's "
                                + file.size());
            }
            data = file.bytes().asSlice(at, bytes);
        } else if (dataset instanceof DatasetBase base) {
            data = copied(base.getDataBuffer());
        } else {
            throw file.unsupported("dataset '" + name + "' is stored in an unknown way");
        }
        return Elements.tensor(
                file, "dataset '" + name + "'", type, isSwapped() ? swapped(data) : data);
    }

    private MemorySegment copied(ByteBuffer from) {
        MemorySegment bytes = MemorySegment.ofBuffer(from);
        if (bytes.byteSize() != type.byteSize()) {
            throw file.malformed(
                    "dataset '"
                            + name
                            + "' has "
                            + bytes.byteSize()
                            + " bytes, expected "
                            + type.byteSize()
                            + " for "
                            + type);
        }
        MemorySegment to = Arena.ofAuto().allocate(bytes.byteSize(), 64);
        to.copyFrom(bytes);
        return to;
    }

    /// Chunks are what jhdf allocates for before it reads.
    private void checkChunks(ChunkedDataset chunked) {
        boolean deflated = false;
        for (PipelineFilterWithData filter : chunked.getFilters()) {
            if (!FILTERS.contains(filter.getId())) {
                throw file.unsupported(
                        "dataset '"
                                + name
                                + "' is packed by filter "
                                + filter.getId()
                                + " ("
                                + filter.getName()
                                + "), expected deflate, shuffle or none");
            }
            deflated |= filter.getId() == DEFLATE;
        }
        HdfTrees.check(file, name, chunked);
        long stored = dataset.getStorageInBytes();
        long ratio = deflated ? MAX_RATIO : 1;
        long chunk = type.dtype().byteSize();
        for (int d : chunked.getChunkDimensions()) {
            chunk = d <= 0 ? Long.MAX_VALUE : Math.multiplyExact(chunk, (long) d);
        }
        if (stored < 0
                || stored > file.size()
                || chunk > ratio * file.size()
                || type.byteSize() > ratio * stored) {
            throw file.malformed(
                    "dataset '"
                            + name
                            + "' takes "
                            + type.byteSize()
                            + " bytes in chunks of "
                            + chunk
                            + ", more than its "
                            + stored
                            + " stored bytes can hold");
        }
    }

    private boolean isSwapped() {
        return type.dtype().byteSize() > 1
                && dataset.getDataType() instanceof OrderedDataType o
                && o.getByteOrder() == ByteOrder.BIG_ENDIAN;
    }

    private MemorySegment swapped(MemorySegment data) {
        int size = type.dtype().byteSize();
        MemorySegment to = Arena.ofAuto().allocate(data.byteSize(), 64);
        for (long i = 0; i < data.byteSize(); i++) {
            long within = i % size;
            byte b = data.get(ValueLayout.JAVA_BYTE, i);
            to.set(ValueLayout.JAVA_BYTE, i - within + size - 1 - within, b);
        }
        return to;
    }

    private DType dtype(DataType stored) {
        int size = stored.getSize();
        if (stored instanceof FloatingPoint f) {
            if (size == 4 && f.getExponentSize() == 8 && f.getBitPrecision() == 32) {
                return DType.FLOAT32;
            }
            if (size == 8 && f.getExponentSize() == 11 && f.getBitPrecision() == 64) {
                return DType.FLOAT64;
            }
            if (size == 2 && f.getExponentSize() == 5 && f.getBitPrecision() == 16) {
                return DType.FLOAT16;
            }
            if (size == 2 && f.getExponentSize() == 8 && f.getBitPrecision() == 16) {
                return DType.BFLOAT16;
            }
        } else if (stored instanceof EnumDataType && size == 1) {
            return DType.BOOL; // as h5py writes it
        } else if (stored instanceof FixedPoint f && f.getBitPrecision() == 8 * size) {
            switch (size) {
                case 1:
                    return f.isSigned() ? DType.INT8 : DType.UINT8;
                case 2:
                    return f.isSigned() ? DType.INT16 : DType.UINT16;
                case 4:
                    return f.isSigned() ? DType.INT32 : DType.UINT32;
                case 8:
                    return f.isSigned() ? DType.INT64 : DType.UINT64;
                default:
            }
        }
        throw file.unsupported(
                "dataset '"
                        + name
                        + "' has elements of type "
                        + stored.getClass().getSimpleName()
                        + " of "
                        + size
                        + " bytes, which Runnel does not have");
    }
}
