package dev.runnel.formats.pytorch;

import dev.runnel.MalformedModelException;
import dev.runnel.formats.file.MappedFile;
import dev.runnel.graph.DType;

import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// All the names that a pickle may use, and what each stands for. Any other is refused.
final class Globals {
    /// What a pickle may call.
    interface Callable {
        @Nullable Object call(List<@Nullable Object> arguments);
    }

    /// A class of storages, such as `torch.FloatStorage`.
    record StorageType(DType dtype) {}

    /// A `numpy.dtype`, such as `f8`.
    record NumpyType(String code) {}

    /// PyTorch's own limit is 64.
    private static final int MAX_RANK = 64;

    private static final Map<String, DType> STORAGES =
            Map.of(
                    "torch.FloatStorage", DType.FLOAT32,
                    "torch.DoubleStorage", DType.FLOAT64,
                    "torch.HalfStorage", DType.FLOAT16,
                    "torch.BFloat16Storage", DType.BFLOAT16,
                    "torch.LongStorage", DType.INT64,
                    "torch.IntStorage", DType.INT32,
                    "torch.ShortStorage", DType.INT16,
                    "torch.CharStorage", DType.INT8,
                    "torch.ByteStorage", DType.UINT8,
                    "torch.BoolStorage", DType.BOOL);

    private final MappedFile file;

    /// Bytes that calls have copied: a pickle that calls with one value over and over must not make
    /// more of it than the file holds.
    private long copied;

    Globals(MappedFile file) {
        this.file = file;
    }

    /// What `name`, with its module, stands for.
    ///
    /// @throws dev.runnel.UnsupportedModelException if it is none that is listed here
    Object named(String name) {
        DType dtype = STORAGES.get(name);
        if (dtype != null) {
            return new StorageType(dtype);
        }
        return switch (name) {
            case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2" ->
                    (Callable) this::view;
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state" ->
                    (Callable) a -> argument(a, 0, View.class);
            case "collections.OrderedDict", "collections.Counter" -> (Callable) this::dict;
            case "torch.Size" -> (Callable) a -> argument(a, 0, Pickle.Tuple.class);
            case "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset" ->
                    (Callable) a -> argument(a, 0, List.class);
            case "torch.device" -> (Callable) a -> argument(a, 0, String.class);
            case "_codecs.encode" -> (Callable) this::latin1;
            case "numpy.dtype" -> (Callable) a -> new NumpyType(argument(a, 0, String.class));
            case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar" ->
                    (Callable) this::numpyScalar;
            default -> {
                if (name.matches("torch\\.(float|int|uint|bfloat|complex)[0-9]+|torch\\.bool")) {
                    yield name;
                }
                throw refused(name);
            }
        };
    }

    private RuntimeException refused(String name) {
        if (name.matches("torch\\.(cuda\\.|storage\\.)?\\w+Storage")) {
            return file.unsupported(
                    "the pickle has elements of type '" + name + "', which Runnel does not have");
        }
        if (name.startsWith("torch._utils._rebuild_")) {
            return file.unsupported(
                    "the pickle has a tensor made by '"
                            + name
                            + "'; dense tensors are read, neither sparse nor quantized ones");
        }
        if (name.startsWith("torch.nn.") || name.startsWith("__main__.")) {
            return file.unsupported(
                    "the pickle names '"
                            + name
                            + "': it holds a module, not only its weights, and no code in a file"
                            + " ever runs; save model.state_dict() instead");
        }
        return file.unsupported(
                "the pickle names '"
                        + name
                        + "'; only tensors and plain containers are read, no code in a file ever"
                        + " runs; save what holds the weights alone, such as checkpoint['model']");
    }

    // ---- calls

    private <T> T argument(List<@Nullable Object> arguments, int index, Class<T> type) {
        Object value = index < arguments.size() ? arguments.get(index) : null;
        if (!type.isInstance(value)) {
            throw corrupt("argument " + index + " of the wrong type");
        }
        return type.cast(value);
    }

    /// `(storage, offset, size, stride, …)`, offset and strides in elements.
    private View view(List<@Nullable Object> a) {
        View view =
                new View(
                        argument(a, 0, Storage.class),
                        argument(a, 1, Long.class),
                        longs(argument(a, 2, Pickle.Tuple.class)),
                        longs(argument(a, 3, Pickle.Tuple.class)));
        copy(2L * view.size().length);
        if (view.size().length != view.stride().length) {
            throw corrupt(view.size().length + " sizes and " + view.stride().length + " strides");
        }
        return view;
    }

    private long[] longs(Pickle.Tuple tuple) {
        if (tuple.items().size() > MAX_RANK) {
            throw corrupt("rank " + tuple.items().size());
        }
        long[] values = new long[tuple.items().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = argument(tuple.items(), i, Long.class);
        }
        return values;
    }

    /// No argument, or a dict, or a list of pairs.
    private Object dict(List<@Nullable Object> a) {
        if (a.isEmpty()) {
            return new LinkedHashMap<String, @Nullable Object>();
        }
        if (a.getFirst() instanceof LinkedHashMap<?, ?> dict) {
            return dict;
        }
        Map<String, @Nullable Object> dict = new LinkedHashMap<>();
        List<?> pairs = argument(a, 0, List.class);
        copy(pairs.size());
        for (Object pair : pairs) {
            List<?> items =
                    pair instanceof Pickle.Tuple t
                            ? t.items()
                            : pair instanceof List<?> l ? l : List.of();
            if (items.size() != 2 || !Pickle.isPlain(items.get(0))) {
                throw corrupt("a dict of other things than pairs");
            }
            dict.put(String.valueOf(items.get(0)), items.get(1));
        }
        return dict;
    }

    /// How Python 2 and protocol 2 write bytes.
    private byte[] latin1(List<@Nullable Object> a) {
        String text = argument(a, 0, String.class);
        copy(text.length());
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private Object numpyScalar(List<@Nullable Object> a) {
        String code = argument(a, 0, NumpyType.class).code();
        byte[] bytes = argument(a, 1, byte[].class);
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return switch (code + "." + bytes.length) {
            case "f8.8" -> b.getDouble();
            case "f4.4" -> (double) b.getFloat();
            case "i8.8" -> b.getLong();
            case "i4.4" -> (long) b.getInt();
            case "b1.1" -> b.get() != 0;
            default ->
                    throw file.unsupported(
                            "the pickle has a NumPy scalar of type '"
                                    + code
                                    + "' and "
                                    + bytes.length
                                    + " bytes, which Runnel does not have");
        };
    }

    private void copy(long size) {
        copied += size;
        if (copied > file.size()) {
            throw corrupt("calls that copy more than there is");
        }
    }

    private MalformedModelException corrupt(String what) {
        return file.malformed(
                "the pickle has a call with " + what + "; the file is truncated or corrupt");
    }
}
