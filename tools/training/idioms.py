"""Trains the character LSTM of the idiom chain (成语接龙) and writes it as ONNX.

    python3 tools/training/idioms.py --data ../shared/data/idioms/THUOCL_chengyu.txt \
        --out tools/src/main/resources/dev/runnel/tools/demo/idioms/idioms.onnx

Beside the model it writes what a player needs: vocabulary.txt (all characters in one line, the n-th
is token n, counted from 1; token 0 ends an idiom) and idioms.txt (the idioms, one a line, sorted).

The network, E = 128, H = 256, V = 3003 for THUOCL:

    x[T, N, E]  = embedding[token]
    y[T, N, H]  = LSTM(x, h, c)
    logits      = (y · P + p) · embeddingᵀ + b          the embedding serves both ends

It is trained on all four-character idioms: given the first character it says the other three, then
the end. The list is the whole game, so it is to be learnt by heart. A character that begins no idiom
is followed in training by the tail of an idiom drawn at random, so that the model can make something
up that sounds like an idiom where none exists.

Needs PyTorch >= 1.13, onnx >= 1.12 and NumPy; one thread, fixed seed, six minutes.
"""

import argparse
import os
import time

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

E, H = 128, 256
END = 0
LENGTH = 4


def read_idioms(path):
    """The four-character idioms and their frequencies, sorted by code point."""
    frequency = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            idiom, count = (field.strip() for field in line.split("\t"))
            if len(idiom) == LENGTH:
                frequency[idiom] = int(count)
    return sorted(frequency.items())


class Product(torch.autograd.Function):
    """x[M, K] · w[N, K]ᵀ through oneDNN: Debian's PyTorch is otherwise left with the reference BLAS,
    fifty times slower."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return Product.of(x, w)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return Product.of(g, w.T), Product.of(g.T, x.T)

    @staticmethod
    def of(x, w):
        x, w = x.contiguous().to_mkldnn(), w.contiguous().to_mkldnn()
        return torch.nn.functional.linear(x, w).to_dense()


class Net(torch.nn.Module):
    """Gates in ONNX's order: i o f c."""

    def __init__(self, size):
        super().__init__()

        def parameter(*shape, scale):
            return torch.nn.Parameter(torch.empty(shape).uniform_(-1, 1) * scale)

        self.embedding = parameter(size, E, scale=(3 / E) ** 0.5)
        self.w = parameter(4 * H, E, scale=H**-0.5)
        self.r = parameter(4 * H, H, scale=H**-0.5)
        self.wb = parameter(4 * H, scale=0)
        self.project = parameter(E, H, scale=H**-0.5)
        self.pb = parameter(E, scale=0)
        self.bias = parameter(size, scale=0)

    def forward(self, token, state=None):
        """token[T, N] to logits[T, N, V] and the state after them."""
        steps, rows = token.shape
        h, c = state or (torch.zeros(rows, H), torch.zeros(rows, H))
        x = Product.apply(self.embedding[token.flatten()], self.w) + self.wb
        ys = []
        for z in x.view(steps, rows, 4 * H):
            i, o, f, g = (z + Product.apply(h, self.r)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        z = Product.apply(torch.cat(ys), self.project) + self.pb
        logits = Product.apply(z, self.embedding) + self.bias
        return logits.view(steps, rows, -1), (h, c)


def train(tokens, weights, strangers, size, epochs, batch=256, rate=4e-3):
    """tokens[K, 4], weights[K]; strangers are the characters that begin no idiom."""
    net = Net(size)
    adam = torch.optim.Adam(net.parameters(), lr=rate, betas=(0.9, 0.99))
    steps = epochs * -(-len(tokens) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, rate, total_steps=steps, pct_start=0.1, cycle_momentum=False)
    end = torch.full((1, 1), END)
    start = time.time()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(tokens)).split(batch):
            # One row in sixteen is a made-up idiom: a stranger before the tail of a real one.
            made_up = tokens[torch.randint(len(tokens), (len(rows) // 16,))].clone()
            made_up[:, 0] = strangers[torch.randint(len(strangers), (len(made_up),))]
            x = torch.cat([tokens[rows], made_up]).T
            w = torch.cat([weights[rows], torch.full((len(made_up),), 0.3)])
            target = torch.cat([x[1:], end.expand(1, x.shape[1])])
            logits, _ = net(x)
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape)
            loss = (loss * w).sum() / (w.sum() * LENGTH)
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
            schedule.step()
            total += loss.item() * len(rows)
        if epoch % 10 == 9 or epoch == epochs - 1:
            print(f"epoch {epoch + 1}: {total / len(tokens):.4f} nats a character,"
                  f" {time.time() - start:.0f} s", flush=True)
    return net.eval()


def generate(net, first, temperature):
    """Four more tokens after each of first[N], greedily if temperature is 0."""
    token, state, out = first[None], None, [first]
    for _ in range(LENGTH):
        logits, state = net(token, state)
        if temperature == 0:
            token = logits.argmax(-1)
        else:
            token = torch.multinomial((logits[0] / temperature).softmax(-1), 1).T
        out.append(token[0])
    return torch.stack(out, 1)


def share_real(net, first, known, temperature):
    rows = generate(net, first, temperature).tolist()
    return sum(row[-1] == END and tuple(row[:-1]) in known for row in rows) / len(rows)


def nats(net, tokens):
    x = tokens.T
    target = torch.cat([x[1:], torch.full((1, len(tokens)), END)])
    logits, _ = net(x)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten()).item()


def report(net, tokens):
    known = {tuple(row) for row in tokens.tolist()}
    firsts = torch.unique(tokens[:, 0])
    print(f"{share_real(net, firsts, known, 0):.2%} of the idioms said greedily are real"
          f" (each of the {len(firsts)} characters that begin one, once)")
    for temperature in (0.5, 1.0):
        draws = firsts.repeat(20)
        print(f"{share_real(net, draws, known, temperature):.2%} at temperature {temperature}"
              " (20 draws from each)")
    draws = tokens[:, 0]
    print(f"{share_real(net, draws, known, 1.0):.2%} at temperature 1.0, first characters as"
          " frequent as in the list")
    print(f"{nats(net, tokens):.4f} nats a character on the list")


def export(net, path):
    weights = {
        "embedding": net.embedding,
        "W": net.w[None],
        "R": net.r[None],
        "B": torch.cat([net.wb, torch.zeros(4 * H)])[None],
        "P": net.project.T.contiguous(),
        "p": net.pb,
        "b": net.bias,
    }
    weights = {name: value.detach().numpy() for name, value in weights.items()}
    nodes = [
        helper.make_node("Gather", ["embedding", "token"], ["x"], "embed"),
        helper.make_node(
            "LSTM", ["x", "W", "R", "B", "", "h", "c"], ["y4", "hn", "cn"], "lstm", hidden_size=H),
        helper.make_node("Squeeze", ["y4", "direction"], ["y"], "squeeze"),
        helper.make_node("MatMul", ["y", "P"], ["yP"], "project"),
        helper.make_node("Add", ["yP", "p"], ["z"], "project_bias"),
        # Stored once: the transpose is made when the model is loaded.
        helper.make_node("Transpose", ["embedding"], ["unembedding"], "unembed", perm=[1, 0]),
        helper.make_node("MatMul", ["z", "unembedding"], ["zE"], "score"),
        helper.make_node("Add", ["zE", "b"], ["logits"], "score_bias"),
    ]
    size = len(weights["embedding"])
    f32, i64 = TensorProto.FLOAT, TensorProto.INT64
    state = [1, "N", H]
    graph = helper.make_graph(
        nodes, "idioms",
        [helper.make_tensor_value_info("token", i64, ["T", "N"]),
         helper.make_tensor_value_info("h", f32, state),
         helper.make_tensor_value_info("c", f32, state)],
        [helper.make_tensor_value_info("logits", f32, ["T", "N", size]),
         helper.make_tensor_value_info("hn", f32, state),
         helper.make_tensor_value_info("cn", f32, state)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()]
        + [numpy_helper.from_array(np.array([1], np.int64), "direction")])
    model = helper.make_model(
        graph, producer_name="runnel", ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def evaluate(path, token):
    """The saved file in NumPy, by ONNX's equations: what a reader of the file must get."""
    w = {t.name: numpy_helper.to_array(t).astype(np.float64)
         for t in onnx.load(path).graph.initializer}
    h = c = np.zeros((token.shape[1], H))
    logits = []
    for x in w["embedding"][token]:
        bias = w["B"][0, :4 * H] + w["B"][0, 4 * H:]
        i, o, f, g = np.split(x @ w["W"][0].T + h @ w["R"][0].T + bias, 4, axis=1)
        i, o, f = (1 / (1 + np.exp(-gate)) for gate in (i, o, f))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        logits.append((h @ w["P"] + w["p"]) @ w["embedding"].T + w["b"])
    return np.stack(logits)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="one idiom a line, a tab, its frequency")
    parser.add_argument("--out", help="the .onnx file; without it nothing is written")
    parser.add_argument("--epochs", type=int, default=180)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true",
                        help="keep a tenth of the idioms back and report how the model does on them")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    idioms = read_idioms(args.data)
    vocabulary = "".join(sorted({character for idiom, _ in idioms for character in idiom}))
    index = {character: n + 1 for n, character in enumerate(vocabulary)}
    tokens = torch.tensor([[index[character] for character in idiom] for idiom, _ in idioms])
    # Mildly: the most frequent idiom counts seven times the least frequent.
    weights = torch.tensor([float(count) for _, count in idioms]) ** 0.25
    weights /= weights.mean()
    begins = set(tokens[:, 0].tolist())
    strangers = torch.tensor([n for n in index.values() if n not in begins])
    size = len(vocabulary) + 1
    print(f"{len(idioms)} idioms, {size} tokens, {len(begins)} begin an idiom; "
          f"{sum(p.numel() for p in Net(size).parameters())} parameters", flush=True)

    held_out = None
    if args.held_out:
        order = torch.randperm(len(tokens))
        cut = len(tokens) // 10
        held_out, kept = tokens[order[:cut]], order[cut:]
        tokens, weights = tokens[kept], weights[kept]
    net = train(tokens, weights, strangers, size, args.epochs)
    with torch.no_grad():
        report(net, tokens)
        if held_out is not None:
            print(f"held out: {nats(net, held_out):.2f} nats a character on {len(held_out)} idioms")
        if args.out and held_out is None:
            export(net, args.out)
            sample = tokens[::97].T
            got, want = evaluate(args.out, sample.numpy()), net(sample)[0].numpy()
            print(f"file against PyTorch: largest difference {np.abs(got - want).max():.1e}")
            assert np.allclose(got, want, rtol=1e-4, atol=1e-4)
            folder = os.path.dirname(args.out) or "."
            with open(os.path.join(folder, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write(vocabulary + "\n")
            with open(os.path.join(folder, "idioms.txt"), "w", encoding="utf-8") as file:
                file.writelines(idiom + "\n" for idiom, _ in idioms)
            print(f"{args.out}: {os.path.getsize(args.out)} bytes")


if __name__ == "__main__":
    main()
