"""Writes vad.onnx, the model that the README's example opens: x[T, 1, 4] -> LSTM(8) -> y[T, 1, 1, 8]."""
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
