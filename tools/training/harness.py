"""What the training scripts share: one loop, which an interruption does not harm, and the way to ONNX.

Needs Debian's python3-torch (1.13), python3-onnx (1.12), python3-numpy and libopenblas0-pthread;
without OpenBLAS, PyTorch is left with the reference BLAS, fifty times slower. Import it before torch:
it keeps OpenBLAS to one thread, and tells it what it can use of a processor younger than itself, which
it would otherwise take for one of 2004.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if os.path.exists("/proc/cpuinfo"):
    with open("/proc/cpuinfo") as lines:
        flags = lines.read()
    for flag, core in (("avx512bw", "SkylakeX"), ("avx2", "Haswell")):
        if flag in flags:
            os.environ.setdefault("OPENBLAS_CORETYPE", core)

import argparse
import shutil
import time

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

F32, I64 = TensorProto.FLOAT, TensorProto.INT64


def arguments(doc):
    """The options all scripts have; a script adds its own."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--out", required=True, help="the folder the model is written to")
    parser.add_argument("--checkpoint", help="a file to continue from, and to leave off at")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", help="a folder for PyTorch's answers, in the layout of `runnel verify`")
    torch.set_num_threads(1)
    return parser


def fit(net, loss_at, steps, rate, seed, checkpoint=None, every=100):
    """Adam under one cycle of the learning rate. loss_at(step, random) draws the step's batch from
    `random` alone, a NumPy generator of seed and step: what is continued is what would have been."""
    adam = torch.optim.Adam(net.parameters(), lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, rate, total_steps=steps, pct_start=0.1, cycle_momentum=False)
    step, seconds = 0, 0.0
    if checkpoint and os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        net.load_state_dict(saved["net"])
        adam.load_state_dict(saved["adam"])
        schedule.load_state_dict(saved["schedule"])
        step, seconds = saved["step"], saved["seconds"]
        print(f"continued at step {step}", flush=True)
    net.train()
    start, total = time.process_time() - seconds, 0.0
    while step < steps:
        torch.manual_seed((seed << 32) + step)
        loss = loss_at(step, np.random.default_rng([seed, step]))
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
        total += loss.item()
        step += 1
        if step % every == 0 or step == steps:
            seconds = time.process_time() - start
            print(f"step {step} of {steps}: loss {total / ((step - 1) % every + 1):.4f},"
                  f" {seconds:.0f} s of processor time", flush=True)
            total = 0.0
            if checkpoint:
                torch.save(
                    {"net": net.state_dict(), "adam": adam.state_dict(),
                     "schedule": schedule.state_dict(), "step": step, "seconds": seconds},
                    checkpoint + ".new")
                os.replace(checkpoint + ".new", checkpoint)
    return net.eval()


class Recurrence(torch.autograd.Function):
    """The steps of an LSTM, given what x contributes. PyTorch's own adds to the gradient of r in every
    step; here that is one product of matrices in the end, which halves the time."""

    @staticmethod
    def forward(ctx, zx, r, h, c):
        """zx[T, N, 4·H], gates i f g o; r[4·H, H]; to h[T, N, H] and c[T, N, H]."""
        size, gates = r.shape[1], torch.empty_like(zx)
        hs, cs = [h], [c]
        for z, gate in zip(zx, gates):
            torch.addmm(z, hs[-1], r.T, out=gate)
            gate[:, :2 * size].sigmoid_()
            gate[:, 2 * size:3 * size].tanh_()
            gate[:, 3 * size:].sigmoid_()
            i, f, g, o = gate.chunk(4, 1)
            cs.append((f * cs[-1]).addcmul_(i, g))
            hs.append(o * cs[-1].tanh())
        hs, cs = torch.stack(hs), torch.stack(cs)
        ctx.save_for_backward(gates, hs, cs, r)
        return hs[1:], cs[1:]

    @staticmethod
    def backward(ctx, dhs, dcs):
        gates, hs, cs, r = ctx.saved_tensors
        i, f, g, o = gates.chunk(4, 2)
        tanh_c = cs[1:].tanh()
        # What dc and dh are multiplied by, for all steps at once.
        by_dc = torch.cat([g * i * (1 - i), cs[:-1] * f * (1 - f), i * (1 - g * g)], 2)
        by_dh = tanh_c * o * (1 - o)
        dh_to_dc = o * (1 - tanh_c * tanh_c)
        dz = torch.empty_like(gates)
        steps, rows, size = by_dh.shape
        dh = dc = torch.zeros(rows, size)
        for t in reversed(range(steps)):
            dh = dh + dhs[t]
            dc = (dc + dcs[t]).addcmul_(dh, dh_to_dc[t])
            torch.mul(by_dc[t].view(rows, 3, size), dc[:, None],
                      out=dz[t, :, :3 * size].view(rows, 3, size))
            torch.mul(by_dh[t], dh, out=dz[t, :, 3 * size:])
            dh, dc = dz[t] @ r, dc * f[t]
        dr = dz.flatten(0, 1).T @ hs[:-1].flatten(0, 1)
        return dz, dr, dh, dc


class Lstm(torch.nn.LSTM):
    """One layer, forwards. Trains by [Recurrence], answers by PyTorch's own."""

    def forward(self, x, state=None):
        if not self.training:
            return super().forward(x, state)
        hs, cs = self.steps(x, state)
        return hs, (hs[-1:], cs[-1:])

    def steps(self, x, state=None):
        """x[T, N, I] to all h[T, N, H] and c[T, N, H]."""
        h, c = state or torch.zeros(2, 1, x.shape[1], self.hidden_size)
        zx = torch.nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)
        return Recurrence.apply(zx, self.weight_hh_l0, h[0], c[0])


def lstm_weights(lstm, name):
    """W, R, B of an nn.LSTM of one layer, its gates i f g o brought to ONNX's order i o f c."""

    def onnx_order(parameter):
        i, f, g, o = parameter.detach().chunk(4)
        return torch.cat([i, o, f, g])

    w, r, wb, rb = (getattr(lstm, kind + "_l0")
                    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return {
        name + ".W": onnx_order(w)[None],
        name + ".R": onnx_order(r)[None],
        name + ".B": torch.cat([onnx_order(wb), onnx_order(rb)])[None],
    }


def save(path, name, nodes, inputs, outputs, weights):
    """nodes: (operator, inputs, outputs, attributes); ports: (name, type, shape); weights: tensors."""
    initializers = []
    for key, value in weights.items():
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), key))
    graph = helper.make_graph(
        [helper.make_node(operator, ins, outs, outs[0], **attributes)
         for operator, ins, outs, attributes in nodes],
        name,
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        initializers)
    model = helper.make_model(
        graph, producer_name="runnel", ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    onnx.save(model, path)
    print(f"{path}: {os.path.getsize(path)} bytes", flush=True)


def case(folder, path, calls, states, answer):
    """PyTorch's answers for `runnel verify [--stream] folder`, one call a step. answer takes the inputs
    of a call and the states, and gives outputs and states; states: (output, input, shape)."""
    os.makedirs(folder, exist_ok=True)
    shutil.copy(path, os.path.join(folder, "model.onnx"))
    if states:
        with open(os.path.join(folder, "state.txt"), "w") as file:
            file.writelines(f"{output}>{name}\n" for output, name, _ in states)
    state = [torch.zeros(shape) for _, _, shape in states]
    for number, call in enumerate(calls):
        step = os.path.join(folder, f"test_data_set_{number}")
        os.makedirs(step, exist_ok=True)
        with torch.no_grad():
            outputs = answer(*call, *state)
        for kind, values in (("input", [*call, *state]), ("output", outputs)):
            for n, value in enumerate(values):
                np.save(os.path.join(step, f"{kind}_{n}.npy"), value.numpy())
        state = outputs[len(outputs) - len(states):]
