"""Trains the character LSTM that continues English text, and writes it as ONNX.

    python3 tools/training/write.py --data ../shared/data/text/tinyshakespeare.txt \
        --out tools/src/main/resources/dev/runnel/tools/demo/write

Beside the model it writes vocabulary.txt: the characters in the order of their tokens, from 0, line
feed being the first.

The network, V = 65, E = 64, H = 384:

    x[T, N, E]      = embedding[token]
    y[T, N, H]      = LSTM(x, h, c)
    logits[T, N, V] = y · P + p

It is trained on the first nine tenths of the text, in 64 streams of which each step reads the next
50 characters, and measured on the last tenth, which it never sees.
"""

import harness
import os

import torch
from torch.nn.functional import cross_entropy

E, H = 64, 384
STREAMS, LENGTH = 64, 50


class Net(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding = torch.nn.Embedding(size, E)
        self.lstm = harness.Lstm(E, H)
        self.project = torch.nn.Linear(H, size)
        # Of the training streams, so that a checkpoint holds them.
        self.register_buffer("h", torch.zeros(1, STREAMS, H))
        self.register_buffer("c", torch.zeros(1, STREAMS, H))

    def forward(self, token, state=None):
        y, state = self.lstm(self.embedding(token), state)
        y = torch.nn.functional.dropout(y, 0.25, self.training)
        return self.project(y), state


def training_loss(net, text):
    """text[K], read in a circle by STREAMS readers, equally far apart."""
    readers = torch.arange(STREAMS) * (len(text) // STREAMS)
    within = torch.arange(LENGTH + 1)[:, None]

    def loss_at(step, random):
        window = text[(readers + step * LENGTH + within) % len(text)]
        # Now and then a stream starts afresh, as every prompt does.
        keep = torch.tensor(random.random(STREAMS) > 0.05)[:, None].float()
        logits, (h, c) = net(window[:-1], (net.h * keep, net.c * keep))
        net.h, net.c = h.detach(), c.detach()
        return cross_entropy(logits.flatten(0, 1), window[1:].flatten())

    return loss_at


def nats(net, text):
    """Of each character after the first, the text read from its beginning as one stream."""
    total, state = 0.0, None
    with torch.no_grad():
        for start in range(0, len(text) - 1, 1000):
            window = text[start:start + 1001, None]
            logits, state = net(window[:-1], state)
            total += cross_entropy(logits[:, 0], window[1:, 0], reduction="sum").item()
    return total / (len(text) - 1)


def sample(net, prompt, vocabulary, length=300, temperature=0.7):
    text, state = prompt, None
    token = torch.tensor([vocabulary.index(character) for character in prompt])[:, None]
    with torch.no_grad():
        for _ in range(length):
            logits, state = net(token, state)
            token = torch.multinomial((logits[-1] / temperature).softmax(-1), 1)
            text += vocabulary[token.item()]
    return text


def export(net, size, folder):
    state = [1, "N", H]
    harness.save(
        os.path.join(folder, "write.onnx"), "write",
        [("Gather", ["embedding", "token"], ["x"], {}),
         ("LSTM", ["x", "lstm.W", "lstm.R", "lstm.B", "", "h", "c"], ["y4", "hn", "cn"],
          {"hidden_size": H}),
         ("Squeeze", ["y4", "direction"], ["y"], {}),
         ("MatMul", ["y", "P"], ["yP"], {}),
         ("Add", ["yP", "p"], ["logits"], {})],
        [("token", harness.I64, ["T", "N"]),
         ("h", harness.F32, state), ("c", harness.F32, state)],
        [("logits", harness.F32, ["T", "N", size]),
         ("hn", harness.F32, state), ("cn", harness.F32, state)],
        {"embedding": net.embedding.weight, **harness.lstm_weights(net.lstm, "lstm"),
         "P": net.project.weight.T, "p": net.project.bias, "direction": [1]})


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--data", required=True, help="the text")
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    with open(args.data, encoding="ascii", newline="") as file:
        text = file.read()
    vocabulary = "".join(sorted(set(text)))
    tokens = torch.tensor([vocabulary.index(character) for character in text])
    cut = len(tokens) * 9 // 10
    net = Net(len(vocabulary))
    print(f"{len(text)} characters, {len(vocabulary)} different ones;"
          f" {sum(p.numel() for p in net.parameters())} parameters", flush=True)

    steps = args.epochs * cut // (STREAMS * LENGTH)
    harness.fit(net, training_loss(net, tokens[:cut]), steps, 4e-3, args.seed, args.checkpoint)
    print(f"{nats(net, tokens[cut:]):.4f} nats a character on the held-out last tenth", flush=True)
    own = os.path.join(args.out, "held-out.txt")
    if os.path.exists(own):
        with open(own, encoding="ascii", newline="") as file:
            speeches = torch.tensor([vocabulary.index(character) for character in file.read()])
        print(f"{nats(net, speeches):.4f} nats a character on {own}")
    torch.manual_seed(args.seed)
    print(sample(net, "\nROMEO:", vocabulary))
    export(net, len(vocabulary), args.out)
    if args.cases:
        def answer(token, h, c):
            logits, (h, c) = net(token, (h, c))
            return logits, h, c

        harness.case(
            os.path.join(args.cases, "write"), os.path.join(args.out, "write.onnx"),
            [(token.view(1, 1),) for token in tokens[cut:cut + 20]],
            [("hn", "h", (1, 1, H)), ("cn", "c", (1, 1, H))], answer)
    with open(os.path.join(args.out, "vocabulary.txt"), "w", encoding="ascii", newline="") as file:
        file.write(vocabulary)


if __name__ == "__main__":
    main()
