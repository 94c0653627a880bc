package dev.runnel.formats.layers;

import dev.runnel.graph.DType;
import dev.runnel.graph.Shape;
import dev.runnel.graph.Tensor;
import dev.runnel.graph.TensorType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/// A weight seen as rows and columns in another order than its own. Nothing is copied until
/// [#concat] writes it where it is to lie.
final class Matrix {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /// Where an element lies.
    @FunctionalInterface
    interface Index {
        /// The index, row-major, of the weight's element that is `[row, column]` here.
        long of(int row, int column);
    }

    private final Tensor source;
    private final int rows;
    private final int columns;
    private final Index index;

    private Matrix(Tensor source, int rows, int columns, Index index) {
        this.source = source;
        this.rows = rows;
        this.columns = columns;
        this.index = index;
    }

    /// The last axis of `weight` as columns, the others as rows; a vector is one column.
    static Matrix of(Weight weight) {
        int rank = weight.rank();
        int columns = rank < 2 ? 1 : weight.size(rank - 1);
        int rows = columns == 0 ? 0 : Math.toIntExact(weight.tensor().elements() / columns);
        return new Matrix(weight.tensor(), rows, columns, (r, c) -> (long) r * columns + c);
    }

    /// Rows and columns whose elements lie in `weight` wherever `index` says.
    static Matrix of(Weight weight, int rows, int columns, Index index) {
        return new Matrix(weight.tensor(), rows, columns, index);
    }

    /// Zeros.
    static Matrix zeros(int rows, int columns) {
        return new Matrix(Tensor.ofFloats(Shape.of(1), 0), rows, columns, (r, c) -> 0);
    }

    int rows() {
        return rows;
    }

    int columns() {
        return columns;
    }

    Matrix transposed() {
        Index own = index;
        return new Matrix(source, columns, rows, (r, c) -> own.of(c, r));
    }

    /// The rows in blocks of another order.
    ///
    /// @param order for each block which one of this matrix it is
    Matrix blocks(int... order) {
        int h = rows / order.length;
        Index own = index;
        return new Matrix(source, rows, columns, (r, c) -> own.of(order[r / h] * h + r % h, c));
    }

    /// Rows `from` and on, `count` of them.
    Matrix rows(int from, int count) {
        Index own = index;
        return new Matrix(source, count, columns, (r, c) -> own.of(from + r, c));
    }

    /// The matrices one behind the other as a float32 tensor of this shape, off-heap.
    static Tensor concat(Shape shape, List<Matrix> parts) {
        MemorySegment data =
                Arena.ofAuto().allocate(new TensorType(DType.FLOAT32, shape).byteSize(), 64);
        long at = 0;
        for (Matrix m : parts) {
            at = m.write(data, at);
        }
        return new Tensor(new TensorType(DType.FLOAT32, shape), data);
    }

    private long write(MemorySegment to, long at) {
        boolean plain = source.dtype() == DType.FLOAT32;
        MemorySegment from = source.data();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++, at += 4) {
                long i = index.of(r, c);
                to.set(FLOAT, at, plain ? from.get(FLOAT, 4 * i) : (float) source.getDouble(i));
            }
        }
        return at;
    }
}
