"""Writes the Keras files of this folder and what Keras itself computes with them.

    KERAS_BACKEND=jax python make.py        # keras 3.15.1, jax 0.10.2, h5py 3.16.0

For each case: CASE.keras and/or CASE.h5, and CASE.golden.h5 with the datasets in/NAME and out/K.
Files of Keras 2 (keras2_*) are written here by hand, in the layout of its save_model, with the
weights of a model of Keras 3 that computes the same; the layout of CuDNN's weights is the inverse
of what Keras documents in keras.saving.hdf5_format.preprocess_weights_for_loading.
"""

import json

import h5py
import keras
import numpy as np
from keras import layers as L
from keras import ops

rng = np.random.default_rng(4)
keras.utils.set_random_seed(4)


def randomise(model):
    """All weights other than those of the start: biases are zero there, and variances one."""
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape) if "variance" in v.path else rng.normal(0, 0.4, w.shape)
            for v, w in zip(model.weights, model.get_weights())
        ]
    )


def golden(case, inputs, outputs):
    with h5py.File(case + ".golden.h5", "w") as f:
        for name, value in inputs.items():
            f["in/" + name] = value
        for k, value in enumerate(outputs):
            f["out/%03d" % k] = np.asarray(value)


def save(case, model, inputs, formats, calls=1):
    if model.weights:
        randomise(model)
    for ending in formats:
        model.save(case + ending)
    names = [i.name for i in model.inputs]
    values = [np.asarray(v) for v in inputs]
    for _ in range(calls):
        out = model(values if len(values) > 1 else values[0], training=False)
    golden(case, dict(zip(names, values)), out if isinstance(out, (list, tuple)) else [out])


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def stack():
    m = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            L.Embedding(11, 5),
            L.Bidirectional(L.LSTM(4, return_sequences=True)),
            L.LSTM(5, return_sequences=True, recurrent_activation="hard_sigmoid"),
            L.Dropout(0.5),
            L.GRU(4, return_sequences=True),
            L.SimpleRNN(3, activation="relu", return_sequences=True),
            L.LSTM(4, activation="softsign", use_bias=False),
            L.Dense(6, activation="softmax"),
        ]
    )
    save("stack", m, [rng.integers(0, 11, (2, 7)).astype("int32")], [".keras", ".h5"])


def functional():
    x = keras.Input((None, 3), name="x")
    h = keras.Input((4,), name="h")
    c = keras.Input((4,), name="c")
    a = L.TimeDistributed(L.Dense(4, activation="elu"))(x)
    a = L.BatchNormalization()(a)
    a = L.LayerNormalization()(a)
    a = L.LayerNormalization(center=False)(a)
    seq, hn, cn = L.LSTM(4, return_sequences=True, return_state=True)(a, initial_state=[h, c])
    back = L.GRU(4, return_sequences=True, go_backwards=True, reset_after=False)(a)
    fresh = L.GRU(4, return_sequences=True, use_bias=False)(a, initial_state=hn)
    joined = [
        L.Add()([seq, back, fresh]),
        L.Multiply()([seq, back]),
        L.Subtract()([seq, back]),
        L.Average()([seq, back, a]),
        L.Maximum()([seq, back]),
        L.Minimum()([seq, back]),
    ]
    dense = L.Dense(2)
    y = L.Concatenate()(joined)
    save(
        "functional",
        keras.Model([x, h, c], [y, hn, cn, dense(seq), dense(back), seq + back, L.GRU(2, go_backwards=True)(a)]),
        [normal(2, 5, 3), normal(2, 4), normal(2, 4)],
        [".keras", ".h5"],
    )


def bidirectional():
    x = keras.Input((6, 3), name="x")
    out = []
    for cell in (L.LSTM, L.GRU, L.SimpleRNN):
        for mode in ("concat", "sum", "mul", "ave", None):
            y = L.Bidirectional(cell(2, return_sequences=mode != "mul"), merge_mode=mode)(x)
            out += y if isinstance(y, (list, tuple)) else [y]
    states = L.Bidirectional(L.LSTM(2, return_state=True, return_sequences=True))
    y, *s = states(x)
    out += [y] + s + [L.Bidirectional(L.LSTM(2))(y, initial_state=s)]
    save("bidirectional", keras.Model(x, out), [normal(2, 6, 3)], [".keras"])


def windows():
    x = keras.Input((12, 3), name="x")
    image = keras.Input((8, 6, 2), name="image")
    out = [
        L.Conv1D(4, 3, padding="causal", dilation_rate=2)(x),
        L.Conv1D(4, 4, padding="same", activation="relu")(x),
        L.Conv1D(4, 3, strides=2, padding="same", use_bias=False)(x),
        L.Conv1D(6, 3, strides=2, groups=3)(x),
        L.MaxPooling1D(3, strides=2, padding="same")(x),
        L.AveragePooling1D(2)(x),
        L.AveragePooling1D(3, strides=1, padding="same")(x),
        L.GlobalMaxPooling1D()(x),
        L.GlobalAveragePooling1D(keepdims=True)(x),
        L.ZeroPadding1D((1, 2))(x),
        L.Flatten()(x),
        L.Reshape((6, -1))(x),
        L.Permute((2, 1))(x),
        L.RepeatVector(3)(L.GlobalMaxPooling1D()(x)),
        L.Conv2D(3, (3, 2), padding="same")(image),
        L.Conv2D(3, 3, strides=2)(image),
        L.MaxPooling2D()(image),
        L.AveragePooling2D((2, 3), padding="same")(image),
        L.GlobalAveragePooling2D()(image),
        L.GlobalMaxPooling2D()(image),
        L.BatchNormalization(axis=1, scale=False)(x),
    ]
    save("windows", keras.Model([x, image], out), [normal(2, 12, 3), normal(2, 8, 6, 2)], [".keras"])


def activations():
    x = keras.Input((9,), name="x")
    names = (
        "elu exponential gelu hard_sigmoid hard_silu leaky_relu linear log_softmax mish relu selu"
        " sigmoid silu softmax softplus softsign tanh"
    )
    out = [L.Activation(n)(x) for n in names.split()]
    out += [L.LeakyReLU(0.1)(x), L.ReLU(1.5, negative_slope=0.25)(x), L.ELU(0.7)(x), L.Softmax()(x)]
    save("activations", keras.Model(x, out), [3 * normal(3, 9)], [".keras"])


def stateful():
    x = keras.Input(batch_shape=(2, 3, 4), name="x")
    y = L.LSTM(3, stateful=True, return_sequences=True, name="first")(x)
    y = L.GRU(3, stateful=True, name="second")(y)
    save("stateful", keras.Model(x, y), [normal(2, 3, 4)], [".keras"], calls=2)


# ---- Keras 2


def write2(path, config, weights, whole=True):
    """As save_model of Keras 2: weights is {layer: [(name, value)]}."""
    with h5py.File(path, "w") as f:
        f.attrs["keras_version"] = b"2.2.4"
        f.attrs["backend"] = b"tensorflow"
        root = f
        if whole:
            f.attrs["model_config"] = json.dumps(config).encode()
            root = f.create_group("model_weights")
            f.create_group("optimizer_weights")["iterations"] = np.int64(7)
        root.attrs["layer_names"] = [n.encode() for n in weights]
        for layer, all_of in weights.items():
            g = root.create_group(layer)
            g.attrs["weight_names"] = [(layer + "/" + n).encode() for n, _ in all_of]
            for n, value in all_of:
                g.create_dataset(layer + "/" + n, data=value)


def cell2(name, units, sequences, **more):
    return {
        "name": name,
        "trainable": True,
        "return_sequences": sequences,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "units": units,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0}},
        "bias_regularizer": None,
        **more,
    }


def gates(kernel, n, f):
    return np.hstack([f(k) for k in np.hsplit(kernel, n)])


def to_cudnn(weights, n):
    """The inverse of Keras' conversion of CuDNN's weights: gates' kernels in Fortran's order,
    recurrent kernels transposed, and the bias in two halves."""
    kernel, recurrent, bias = weights
    half = rng.normal(size=bias.reshape(-1)[: n * recurrent.shape[0]].shape).astype("float32")
    flat = np.concatenate([half, bias - half]) if n == 4 else bias.reshape(-1)
    return (
        gates(kernel, n, lambda k: k.T.reshape(k.shape, order="C")),
        gates(recurrent, n, lambda k: k.T),
        flat,
    )


NAMES = ("kernel:0", "recurrent_kernel:0", "bias:0")


def keras2():
    """Sequential, written by Keras 2: its hard sigmoid, GRU without reset_after."""

    def hard(x):
        return ops.clip(0.2 * x + 0.5, 0, 1)

    m = keras.Sequential(
        [
            keras.Input((None, 3), name="x"),
            L.LSTM(4, return_sequences=True, recurrent_activation=hard),
            L.GRU(4, recurrent_activation=hard, reset_after=False),
            L.LeakyReLU(0.3),
            L.Dense(2),
        ]
    )
    randomise(m)
    inner = [
        {
            "class_name": "LSTM",
            "config": cell2(
                "lstm_1",
                4,
                True,
                batch_input_shape=[None, None, 3],
                dtype="float32",
                activation="tanh",
                recurrent_activation="hard_sigmoid",
                use_bias=True,
                unit_forget_bias=True,
                implementation=1,
            ),
        },
        {
            "class_name": "GRU",
            "config": cell2("gru_1", 4, False, activation="tanh", recurrent_activation="hard_sigmoid", use_bias=True),
        },
        {"class_name": "LeakyReLU", "config": {"name": "leaky_1", "trainable": True, "alpha": 0.3}},
        {"class_name": "Dense", "config": {"name": "dense_1", "units": 2, "activation": "linear", "use_bias": True}},
    ]
    w = m.get_weights()
    weights = {
        "lstm_1": list(zip(NAMES, w[:3])),
        "gru_1": list(zip(NAMES, w[3:6])),
        "leaky_1": [],
        "dense_1": list(zip(("kernel:0", "bias:0"), w[6:])),
    }
    write2("keras2.h5", {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": inner}}, weights)
    # Before 2.2.3 a Sequential's configuration was the list of its layers.
    write2("keras2_list.h5", {"class_name": "Sequential", "config": inner}, weights)
    write2("keras2_weights.h5", None, weights, whole=False)
    x = normal(2, 5, 3)
    golden("keras2", {"lstm_1_input": x}, [m(x)])


def keras2_cudnn():
    """Functional, written by Keras 2, of CuDNN layers; the last LSTM is none, but was CuDNNLSTM
    when its weights were saved."""
    x = keras.Input((None, 3), name="x")
    first = L.LSTM(4, return_sequences=True)
    second = L.GRU(4, return_sequences=True, reset_after=True)
    both = L.Bidirectional(L.LSTM(3, return_sequences=True))
    last = L.LSTM(2)
    a = first(x)
    b = second(a)
    m = keras.Model(x, last(both(L.Concatenate()([a, b]))))
    randomise(m)
    fw, bw = both.get_weights()[:3], both.get_weights()[3:]
    weights = {
        "x": [],
        "first": list(zip(NAMES, to_cudnn(first.get_weights(), 4))),
        "second": list(zip(NAMES, to_cudnn(second.get_weights(), 3))),
        "joined": [],
        "both": [("forward_cu_dnnlstm_1/" + n, v) for n, v in zip(NAMES, to_cudnn(fw, 4))]
        + [("backward_cu_dnnlstm_1/" + n, v) for n, v in zip(NAMES, to_cudnn(bw, 4))],
        "last": list(zip(NAMES, to_cudnn(last.get_weights(), 4))),
    }

    def layer(class_name, name, config, *inputs):
        nodes = [[[i, 0, 0, {}] for i in inputs]] if inputs else []
        return {"name": name, "class_name": class_name, "config": {"name": name, **config}, "inbound_nodes": nodes}

    inner = {"class_name": "CuDNNLSTM", "config": cell2("cu_dnnlstm_1", 3, True)}
    lstm = cell2("last", 2, False, activation="tanh", recurrent_activation="sigmoid", use_bias=True)
    config = {
        "name": "model_1",
        "layers": [
            layer("InputLayer", "x", {"batch_input_shape": [None, None, 3], "dtype": "float32", "sparse": False}),
            layer("CuDNNLSTM", "first", cell2("first", 4, True), "x"),
            layer("CuDNNGRU", "second", cell2("second", 4, True), "first"),
            layer("Concatenate", "joined", {"trainable": True, "axis": -1}, "first", "second"),
            layer("Bidirectional", "both", {"layer": inner, "merge_mode": "concat"}, "joined"),
            layer("LSTM", "last", lstm, "both"),
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["last", 0, 0]],
    }
    write2("keras2_cudnn.h5", {"class_name": "Model", "config": config}, weights)
    value = normal(2, 5, 3)
    golden("keras2_cudnn", {"x": value}, [m(value)])


# ---- HDF5 that Keras does not write


def odd():
    def file(name, **options):
        return h5py.File("odd_" + name + ".h5", "w", **options)

    value = np.arange(24, dtype="float32").reshape(4, 6)
    with file("stored") as f:  # as Keras could, but does not
        f.create_dataset("deflated", data=value, chunks=(3, 4), compression="gzip", shuffle=True)
        f.create_dataset("chunked", data=value, chunks=(4, 2), fletcher32=True)
        f.create_dataset("big_endian", data=value.astype(">f4"))
        f.create_dataset("big_endian_chunked", data=value.astype(">f8"), chunks=(2, 6))
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple(value.shape)
        d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, space, dcpl=compact)
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, value)
        for t in "f2 f8 i1 i2 i4 i8 u1 u2 u4 u8".split():
            f[t] = np.array([1, 2, 3], t)
        f["bool"] = np.array([True, False])
        f["scalar"] = np.float32(7)
        f["empty"] = np.zeros((0, 3), "float32")
    with file("latest", libver=("v110", "v110")) as f:
        f.create_dataset("chunked", data=value, chunks=(4, 2))
        f.create_dataset("one_chunk", data=value, chunks=(4, 6), compression="gzip")
        g = f.create_group("many")
        for i in range(20):
            g["%02d" % i] = np.float32(i)
    with file("external_link") as f:
        f["weights"] = h5py.ExternalLink("keras2.h5", "/model_weights")
    with file("soft_link") as f:
        f["a"] = value
        f["b"] = h5py.SoftLink("/a")
    with file("cyclic") as f:
        f.create_group("g")["again"] = f["/"]
    with file("external_data") as f:
        f.create_dataset("w", (6,), "f4", external=[("make.py", 0, 24)])
    layout = h5py.VirtualLayout((4, 6), "f4")
    layout[:] = h5py.VirtualSource("odd_stored.h5", "chunked", (4, 6))
    with file("virtual", libver=("v110", "v110")) as f:
        f.create_virtual_dataset("w", layout)
    with file("compound") as f:
        f["w"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
    with file("reference") as f:
        f["w"] = np.array([f.ref], h5py.ref_dtype)
    with file("strings") as f:
        f["w"] = np.array(["a", "bc"], h5py.string_dtype())
    with file("lzf") as f:
        f.create_dataset("w", data=value, chunks=(4, 6), compression="lzf")
    with file("huge") as f:  # 4 GB of which no chunk is stored
        f.create_dataset("w", (1 << 15, 1 << 15), "f4", chunks=(1 << 10, 1 << 10))
    with file("unwritten") as f:
        f.create_dataset("w", (1 << 10, 1 << 10), "f4")
    with file("deep", libver=("v110", "v110")) as f:
        f.create_group("/".join("g" * 70))["w"] = value
    with file("user_block", userblock_size=512) as f:
        f["w"] = value


for case in (odd, stack, functional, bidirectional, windows, activations, stateful, keras2, keras2_cudnn):
    case()
