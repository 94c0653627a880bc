"""Writes vad.onnx, the model that the README's example opens, x[T, 1, 4] -> LSTM(8) -> y[T, 1, 1, 8], and one step of it."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

rng = np.random.default_rng(1)


def weight(name, *shape):
    return numpy_helper.from_array(rng.uniform(-0.5, 0.5, shape).astype(np.float32), name)


graph = helper.make_graph(
    [helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], name="lstm", hidden_size=8)],
    "vad",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T", 1, 4])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["T", 1, 1, 8])],
    [weight("w", 1, 32, 4), weight("r", 1, 32, 8), weight("b", 1, 64)],
)
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)]), "vad.onnx")

# One step from zero, in double precision straight from the equations, for `runnel verify`.
tensors = {t.name: numpy_helper.to_array(t).astype(np.float64)[0] for t in graph.initializer}
x = np.array([1, 2, 3, 4], np.float32)
z = tensors["w"] @ x + tensors["b"][:32] + tensors["b"][32:]
i, o, f, c = np.split(z, 4)
sigmoid = lambda v: 1 / (1 + np.exp(-v))
h = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(c))
for file, name, value in (("input", "x", x.reshape(1, 1, 4)), ("output", "y", h.reshape(1, 1, 1, 8))):
    with open(f"vad_{file}_0.pb", "wb") as out:
        out.write(numpy_helper.from_array(value.astype(np.float32), name).SerializeToString())
