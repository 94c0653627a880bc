"""Draws stacks of PyTorch's recurrent layers and writes each as state_dict, as ONNX where the
exporter can, and what they make of an input; RandomStackTest reads them.

    python3 random_stacks.py FOLDER FIRST_SEED COUNT

In FOLDER/SEED: weights.pt, x.npy, y.npy, model.onnx unless the stack projects, and recipe.yaml
where the state_dict does not say all (activations, layout, what is returned).
"""
import os
import random
import sys
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")
FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
             "softmax": lambda y: torch.softmax(y, -1)}


class Stack(nn.Module):
    def __init__(self, batch_first):
        super().__init__()
        self.batch_first = batch_first
        self.plan = []
        self.last = False

    def forward(self, x):
        time = 1 if self.batch_first else 0
        for name, kind, function in self.plan:
            part = getattr(self, name)
            if kind == "dense":
                x = part(x)
                x = FUNCTIONS[function](x) if function else x
            elif kind == "cell":
                state, steps = None, []
                for t in range(x.shape[time]):
                    state = part(x.select(time, t), state)
                    steps.append(state[0] if isinstance(state, tuple) else state)
                x = torch.stack(steps, time)
            else:
                x, state = part(x)
                h = state[0] if isinstance(state, tuple) else state
                if self.last and name == self.recurrent[-1]:
                    x = torch.cat([h[-2], h[-1]], -1) if part.bidirectional else h[-1]
        return x


def draw(seed):
    random.seed(seed)
    torch.manual_seed(seed)
    stack = Stack(batch_first=random.random() < 0.3)
    recipe, plain = [], not stack.batch_first
    first = size = random.randint(1, 9)
    stack.recurrent = []
    projects = False
    for i in range(random.randint(1, 3)):
        name = random.choice(["rnn", "enc", "layer"]) + str(i)
        bias = random.random() < 0.8
        hidden = random.randint(2, 20)
        kind = random.choice(["LSTM", "LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
        settings = ""
        options = {"bias": bias}
        if kind.startswith("RNN") and random.random() < 0.5:
            options["nonlinearity"] = "relu"
            settings = ", activation: relu"
            plain = False
        out = hidden
        if kind.endswith("Cell"):
            part = getattr(nn, kind)(size, hidden, **options)
        else:
            options["num_layers"] = random.choice([1, 1, 2, 3])
            options["bidirectional"] = random.random() < 0.3
            options["batch_first"] = stack.batch_first
            if kind == "LSTM" and random.random() < 0.4:
                out = options["proj_size"] = random.randint(1, hidden - 1)
                projects = True
            part = getattr(nn, kind)(size, hidden, **options)
            out *= 2 if part.bidirectional else 1
        setattr(stack, name, part)
        stack.plan.append((name, "cell" if kind.endswith("Cell") else "recurrent", None))
        stack.recurrent.append(name)
        recipe.append([kind.replace("Cell", "").lower(), name, settings])
        size = out
    if not kind.endswith("Cell") and random.random() < 0.2:
        stack.last, plain = True, False
        recipe[-1][2] += ", return: last"
    if random.random() < 0.6:
        function = random.choice([None, None] + list(FUNCTIONS))
        out = random.randint(1, 9)
        stack.head = nn.Linear(size, out, bias=random.random() < 0.8)
        stack.plan.append(("head", "dense", function))
        recipe.append(["dense", "head", ", activation: " + function if function else ""])
        plain = plain and function is None
    text = None
    if not plain:
        text = "framework: pytorch\n" if random.random() < 0.5 else ""
        text += "layout: NTI\n" if stack.batch_first else ""
        text += "layers:\n"
        for kind, name, settings in recipe:
            text += "  - %s: {weights: %s%s}\n" % (kind, name, settings)
    steps, rows = random.randint(1, 6), random.randint(1, 3)
    shape = (rows, steps, first) if stack.batch_first else (steps, rows, first)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.mul_(random.uniform(0.8, 1.6))
    return stack.eval(), torch.randn(shape), text, projects


def write(folder, seed):
    stack, x, text, projects = draw(seed)
    os.makedirs(folder, exist_ok=True)
    with torch.no_grad():
        y = stack(x)
    torch.save(stack.state_dict(), os.path.join(folder, "weights.pt"))
    numpy.save(os.path.join(folder, "x.npy"), x.numpy())
    numpy.save(os.path.join(folder, "y.npy"), y.numpy())
    if text is not None:
        with open(os.path.join(folder, "recipe.yaml"), "w", encoding="utf-8") as f:
            f.write(text)
    if not projects:
        torch.onnx.export(stack, x, os.path.join(folder, "model.onnx"), input_names=["x"],
                          output_names=["y"], opset_version=13)


torch.set_num_threads(1)
for s in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
    write(os.path.join(sys.argv[1], str(s)), s)
