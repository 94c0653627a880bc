"""Makes files of weights, and beside each a text of what is in it as its framework reads it.

    python3 make.py FOLDER           the files that lie beside this script
    python3 make.py FOLDER SEED      others, drawn by chance
    python3 make.py --describe FILE  prints the text for a file of PyTorch's or NumPy's

A line of text is a tensor: its name, type, shape and bytes in row-major order. Needs PyTorch and
NumPy; safetensors are written and read here, after the format's description.
"""
import json
import random
import struct
import sys
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch

TYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL",
}


def raw(tensor):
    """The bytes of a tensor, row-major and little-endian."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    array = tensor.numpy()
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def line(name, value):
    if isinstance(value, np.ndarray):
        dtype, data = value.dtype.name, np.ascontiguousarray(value).astype(
            value.dtype.newbyteorder("<")).tobytes()
    else:
        dtype, data = str(value.dtype).removeprefix("torch."), raw(value)
    return f"{name} {dtype}{list(value.shape)} {data.hex()}"


def lines(name, value):
    """One line for each tensor in value: dicts in dicts, lists and tuples are followed."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        yield line(name or "tensor", value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from lines(f"{name}.{key}" if name else str(key), item)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from lines(f"{name}.{i}" if name else str(i), item)


def describe(file, value):
    Path(f"{file}.txt").write_text("".join(f"{text}\n" for text in lines("", value)))


def save(folder, name, value, **options):
    """Saves value by torch.save, as a ZIP archive and as the stream of PyTorch before 1.6."""
    for ending, new in (("", True), ("_stream", False)):
        file = folder / f"{name}{ending}.pt"
        torch.save(value, file, _use_new_zipfile_serialization=new, **options)
        describe(file, value)


def save_arrays(file, arrays, compressed):
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    describe(file, {k: v for k, v in arrays.items() if v.dtype.kind not in "US"})


def save_safetensors(file, tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, tensor in tensors.items():
        begin, data = len(data), data + raw(tensor)
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    describe(file, tensors)


def trained_lstm():
    """What a training script saves, with its optimizer and its schedule."""
    model = torch.nn.LSTM(1, 2)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2, 2])
    model(torch.ones(2, 1, 1))[0].sum().backward()
    optimizer.step()
    return {
        "epoch": 3, "loss": 0.5, "best": np.float64(0.25), "name": "tiny", "done": True,
        "none": None, "big": 1 << 70, "long": "x" * 201, "dtype": torch.float16,
        "device": torch.device("cuda:0"), "size": torch.Size([1, 2]), "set": {1, 2},
        "bytes": b"abc", "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
        "model": model.state_dict(), "more": (torch.ones(2), [torch.zeros(1), "text"]),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


def views():
    """Views of one storage, numbers 0 to 23, among plain containers."""
    base = torch.arange(24.0).reshape(4, 6)
    return {
        "transposed": base.t(), "inside": base[1:3, 2:5], "row": base[2], "column": base[:, 2],
        "every_second": base[::2], "permuted": base.reshape(2, 3, 4).permute(2, 0, 1),
        "expanded_by_one": base[0, :3].expand(1, 3), "scalar": base[3, 5], "empty": base[:0],
        "one": base[1:2, 3:4].t(), "parameter": torch.nn.Parameter(base[0]),
        "containers": [{"a": (1, 2.5, None)}, {2, 3}, torch.Size([4]), OrderedDict(b=base[1])],
        "bytes": b"abc", "number": np.float64(0.5), "big": -(1 << 40), "type": torch.float16,
        "device": torch.device("cpu"), "counter": Counter("ab"), 0: True,
    }


def all_types():
    return {str(d).removeprefix("torch."): (torch.arange(6) % 2 * 3).to(d) for d in TYPES}


def arrays():
    a = np.arange(6.0).reshape(2, 3)
    return {
        "double": a, "fortran": np.asfortranarray(a), "big_endian": a.astype(">f4"),
        "half": a.astype("f2"), "scalar": np.array(2.5, "f4"), "empty": a[:0],
        "bool": a > 2, "u16": a.astype("u2"), "labels": np.array(["a", "bc"]),
        "fortran3": np.asfortranarray(np.arange(24, dtype="i4").reshape(2, 3, 4)),
    }


def make(folder):
    torch.manual_seed(1)
    save(folder, "lstm", torch.nn.LSTM(2, 3).state_dict())
    save(folder, "trained", trained_lstm())
    save(folder, "views", views())
    save(folder, "types", all_types())
    save(folder, "protocol4", views(), pickle_protocol=4)
    save(folder, "tensor", torch.arange(3))
    save_arrays(folder / "arrays.npz", arrays(), False)
    save_arrays(folder / "compressed.npz", arrays(), True)
    save_safetensors(folder / "types.safetensors",
                     {**all_types(), "scalar": torch.tensor(5.0), "empty": torch.zeros(0, 3)},
                     {"made_by": "make.py", "letters": "é\n"})


def drawn(dice):
    """A tensor of any type, size and strides."""
    dims = [dice.randint(1, 5) for _ in range(dice.randint(0, 4))]
    tensor = (torch.randn([d * 2 for d in dims]) * 4).to(dice.choice(list(TYPES)))
    for axis in range(len(dims)):
        start = dice.randint(0, dims[axis])
        tensor = tensor.narrow(axis, start, dims[axis] if dice.random() < 0.6 else 1)
    return tensor.permute(dice.sample(range(len(dims)), len(dims)))


def drawn_dict(dice, depth=0):
    value = {}
    for i in range(dice.randint(1, 6)):
        key = dice.choice(["weight", "bias", "é", "a.b", "0"]) + str(i)
        kind = dice.random()
        if kind < 0.2 and depth < 4:
            value[key] = drawn_dict(dice, depth + 1)
        elif kind < 0.3:
            value[i] = [drawn(dice), {"x": drawn(dice)}, i, "text"]
        elif kind < 0.4:
            value[key] = dice.choice([1, 2.5, "text", None, True, -(1 << 40)])
        else:
            value[key] = drawn(dice)
    return value


def make_drawn(folder, seed):
    dice = random.Random(seed)
    torch.manual_seed(seed)
    for i in range(25):
        save(folder, f"drawn{i}", drawn_dict(dice), pickle_protocol=dice.choice([2, 2, 3, 4, 5]))
        flat = {f"t{k}": drawn(dice) for k in range(dice.randint(0, 8))}
        save_safetensors(folder / f"drawn{i}.safetensors", flat)
        numeric = {k: v.numpy() for k, v in flat.items() if v.dtype != torch.bfloat16}
        if numeric:
            save_arrays(folder / f"drawn{i}.npz", numeric, dice.random() < 0.5)


if __name__ == "__main__":
    if sys.argv[1] == "--describe":
        path = sys.argv[2]
        content = dict(np.load(path)) if path.endswith(".npz") else torch.load(path, "cpu")
        print("\n".join(lines("", content)))
    elif len(sys.argv) == 2:
        make(Path(sys.argv[1]))
    else:
        make_drawn(Path(sys.argv[1]), int(sys.argv[2]))
