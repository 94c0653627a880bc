"""Trains the convolutions and the LSTM that describe pictures of shapes, and writes them as ONNX.

    python3 tools/training/caption.py \
        --out tools/src/main/resources/dev/runnel/tools/demo/caption

    encoder:  four convolutions of stride 2 and a dense layer, each with ReLU, and another dense layer:
              image[N, 3, 64, 64], 0 to 1  →  feature[N, 128]
    decoder:  h, c   = LSTM(embedding[token] + feature, h, c)       from zero, 192 units
              logits = h · P + p                                    END and 21 words

The feature vector enters once, with the first token (END); with all others the decoder gets zeros.
In training, a linear layer beside the decoder must read from it how many objects there are, size, colour
and shape of the first and the second, and the relation: so it holds them apart, each by itself.

The pictures are made up on the way: a grey background with a slope, no object, one or two, specks and
noise. Of two objects the smaller is named first, of two as large the left or upper one; so there is one
right caption. Margins keep it plain: small is a radius of 5 to 7 pixels, large 10.5 to 13; centres are
at least 7 pixels further apart along the axis that is named than along the other; objects never touch.

Never trained on: 18 of the 72 objects (size, colour, shape), six pairs of colour and shape among them
in either size; and every fifth pair of (colour, shape) with another. The figures are of those.

Beside the models it writes words.txt, and held-out/ with 40 such pictures and their captions.
"""

import harness
import os
import struct
import zlib

import numpy as np
import torch
from torch.nn.functional import cross_entropy, dropout, relu

SIDE, FEATURE, H = 64, 128, 192
END = 0
SIZES = {"small": (5, 7), "large": (10.5, 13)}
COLOURS = {
    "red": (0.85, 0.12, 0.10), "green": (0.10, 0.65, 0.15), "blue": (0.12, 0.25, 0.90),
    "yellow": (0.90, 0.85, 0.10), "purple": (0.60, 0.12, 0.70), "white": (0.95, 0.95, 0.95)}
SHAPES = "circle square triangle cross ring diamond".split()
WORDS = ["a", *SIZES, *COLOURS, *SHAPES, "left", "right", "of", "above", "below", "nothing"]
OBJECT = [list(SIZES), list(COLOURS), SHAPES]
SLOTS = [["0", "1", "2"], *OBJECT, ["left", "right", "above", "below"], *OBJECT]


# ---- the pictures


def distance(shape, x, y, r):
    """In pixels from the outline, negative inside; y grows downwards."""
    if shape == "circle":
        return np.hypot(x, y) - 0.95 * r
    if shape == "square":
        return np.maximum(abs(x), abs(y)) - 0.85 * r
    if shape == "triangle":
        return np.maximum(y - 0.7 * r, abs(x) * 0.866 - y * 0.5 - 0.55 * r)
    if shape == "cross":
        x, y = abs(x), abs(y)
        return np.minimum(np.maximum(x - r, y - 0.32 * r), np.maximum(x - 0.32 * r, y - r))
    if shape == "ring":
        return abs(np.hypot(x, y) - 0.75 * r) - 0.25 * r
    return (abs(x) + abs(y) - 1.1 * r) / 2 ** 0.5


def is_held_out(size, colour, shape):
    c, s = list(COLOURS).index(colour), SHAPES.index(shape)
    return (c + s) % 6 == 0 or (c + s) % 6 == 3 and (size == "small") == (c % 2 == 0)


def is_held_out_pair(a, b):
    """Of (size, colour, shape) each; sizes don't count."""
    m, n = sorted(list(COLOURS).index(o[1]) * 6 + SHAPES.index(o[2]) for o in (a, b))
    return (m * 37 + n * 101) % 5 == 0


def draw_object(random):
    return tuple(str(random.choice(list(kinds))) for kinds in (SIZES, COLOURS, SHAPES))


def place(random, objects):
    """Radii and centres."""
    while True:
        radii = [random.uniform(*SIZES[size]) for size, _, _ in objects]
        centres = [random.uniform(r + 1, SIDE - r - 1, 2) for r in radii]
        if len(objects) < 2:
            return radii, centres
        apart = np.abs(centres[0] - centres[1])
        if abs(apart[0] - apart[1]) >= 7 and apart.max() >= sum(radii) + 2:
            return radii, centres


def caption(objects, centres):
    name = lambda o: "a " + " ".join(o)
    if len(objects) < 2:
        return name(objects[0]) if objects else "nothing"
    apart = centres[1] - centres[0]
    axis = np.abs(apart).argmax()
    small = [o[0] == "small" for o in objects]
    first = int(apart[axis] < 0) if small[0] == small[1] else int(small[1])
    before = (apart[axis] > 0) == (first == 0)
    relation = (("left of" if before else "right of"), ("above" if before else "below"))[axis]
    return f"{name(objects[first])} {relation} {name(objects[1 - first])}"


Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)


def paint(random, objects, radii, centres):
    """uint8[64, 64, 3], in steps of 8: small files."""
    slope = random.uniform(-0.15, 0.15, 2)
    grey = random.uniform(0.08, 0.42) + slope[0] * (X / SIDE - 0.5) + slope[1] * (Y / SIDE - 0.5)
    image = grey[..., None] + random.uniform(-0.03, 0.03, 3).astype(np.float32)
    for _ in range(random.integers(0, 8)):
        x, y = random.integers(0, SIDE, 2)
        image[y, x] = random.uniform(0, 1, 3)
    for (_, colour, shape), r, (cx, cy) in zip(objects, radii, centres):
        turn = random.uniform(-0.17, 0.17)
        reach = int(1.2 * r) + 2
        here = (slice(max(0, int(cy) - reach), int(cy) + reach + 1),
                slice(max(0, int(cx) - reach), int(cx) + reach + 1))
        x, y = X[here] - cx, Y[here] - cy
        x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        cover = np.clip(0.5 - distance(shape, x, y, r), 0, 1)[..., None]
        shade = np.array(COLOURS[colour]) * random.uniform(0.85, 1.05) + random.uniform(-0.05, 0.05, 3)
        image[here] += (shade - image[here]) * cover
    image += random.standard_normal(image.shape, np.float32) * np.float32(random.uniform(0, 0.06))
    return np.clip(image * 255 + 4, 0, 255).astype(np.uint8) // 8 * 8


def picture(random, kind):
    """An image and its caption. kind: "train", or what is held out: "object", "scene" (two, of which
    at least one is held out) or "pair" (each has been seen, but not the two together)."""
    while True:
        count = {"train": random.choice(3, p=[0.03, 0.27, 0.7]), "object": 1}.get(kind, 2)
        objects = [draw_object(random) for _ in range(count)]
        strange = any(is_held_out(*o) for o in objects)
        pair = count == 2 and is_held_out_pair(*objects)
        if {"train": not strange and not pair, "pair": pair and not strange}.get(kind, strange):
            radii, centres = place(random, objects)
            return paint(random, objects, radii, centres), caption(objects, centres)


def write_png(path, image):
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                   + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


# ---- the network


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [3, 24, 48, 64, 64]
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 5 if a == 3 else 3, stride=2, padding=2 if a == 3 else 1, bias=False)
            for a, b in zip(sizes, sizes[1:]))
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(size) for size in sizes[1:])
        self.dense = torch.nn.Linear(64 * 4 * 4, 256)
        self.feature = torch.nn.Linear(256, FEATURE)
        self.aside = torch.nn.Linear(FEATURE, sum(map(len, SLOTS)))
        self.embedding = torch.nn.Embedding(len(WORDS) + 1, FEATURE)
        self.lstm = harness.Lstm(FEATURE, H)
        self.project = torch.nn.Linear(H, len(WORDS) + 1)

    def encode(self, image):
        for convolution, norm in zip(self.convolutions, self.norms):
            image = relu(norm(convolution(image)))
        dense = relu(self.dense(image.flatten(1)))
        return self.feature(dropout(dense, 0.1, self.training))

    def decode(self, token, feature, state=None):
        """token[T, N], feature[T, N, 128] to logits[T, N, 22]."""
        x = self.embedding(token)
        if self.training:
            # Without some of the words before, it must look at the picture for the next.
            x = x * (torch.rand(token.shape) > 0.1)[..., None]
        y, state = self.lstm(x + feature, state)
        return self.project(dropout(y, 0.1, self.training)), state


def slots(text):
    """Which of SLOTS' values a caption has; -1 where it has none."""
    words = text.replace("left of", "left").replace("right of", "right").split()
    words = [w for w in words if w not in ("a", "nothing")]
    found = [str(1 + len(words) // 4 if words else 0), *words] + [None] * (7 - len(words))
    return [slot.index(word) if word else -1 for slot, word in zip(SLOTS, found)]


def first_only(feature, steps):
    return torch.cat([feature[None], torch.zeros(steps - 1, *feature.shape)])


def batch(random, rows, kind):
    images, captions = zip(*(picture(random, kind) for _ in range(rows)))
    image = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous() / 255
    return image, captions, images


def training_loss(net, rows=64):
    def loss_at(step, random):
        image, captions, _ = batch(random, rows, "train")
        target = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor([WORDS.index(w) + 1 for w in text.split()] + [END]) for text in captions],
            padding_value=-1)
        shifted = torch.cat([torch.full((1, rows), END), target[:-1].clamp(min=0)])
        feature = net.encode(image)
        logits, _ = net.decode(shifted, first_only(feature, len(shifted)))
        loss = cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)
        read = net.aside(feature).split([len(slot) for slot in SLOTS], 1)
        for score, slot in zip(read, zip(*map(slots, captions))):
            loss = loss + cross_entropy(score, torch.tensor(slot), ignore_index=-1) * 0.1
        return loss

    return loss_at


def describe(net, image):
    """Greedily."""
    with torch.no_grad():
        feature, state = net.encode(image)[None], None
        token, said = torch.full((1, len(image)), END), []
        for _ in range(12):
            logits, state = net.decode(token, feature, state)
            token, feature = logits.argmax(-1), torch.zeros_like(feature)
            said.append(token[0])
    return [" ".join(WORDS[t - 1] for t in row[:(row + [END]).index(END)])
            for row in torch.stack(said, 1).tolist()]


def report(net, random, kind, count=2000):
    exact, shown = 0, 0
    for _ in range(count // 100):
        image, captions, _ = batch(random, 100, kind)
        for want, got in zip(captions, describe(net, image)):
            exact += want == got
            if want != got and shown < 4:
                shown += 1
                print(f"  {got!r}, not {want!r}")
    print(f"{kind}: {exact / count:.2%} of {count} captions exact", flush=True)


# ---- the files


def export(net, folder):
    f32, i64, state = harness.F32, harness.I64, [1, "N", H]
    weights, nodes, name = {}, [], "image"
    for n, (convolution, norm) in enumerate(zip(net.convolutions, net.norms)):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weights[f"conv{n}.W"] = convolution.weight * scale[:, None, None, None]
        weights[f"conv{n}.B"] = norm.bias - norm.running_mean * scale
        kernel, pad = convolution.kernel_size[0], convolution.padding[0]
        nodes += [
            ("Conv", [name, f"conv{n}.W", f"conv{n}.B"], [f"conv{n}"],
             {"kernel_shape": [kernel] * 2, "strides": [2, 2], "pads": [pad] * 4}),
            ("Relu", [f"conv{n}"], [f"relu{n}"], {})]
        name = f"relu{n}"
    nodes += [("Flatten", [name], ["flat"], {}),
              ("Gemm", ["flat", "dense.W", "dense.B"], ["dense"], {"transB": 1}),
              ("Relu", ["dense"], ["dense_relu"], {}),
              ("Gemm", ["dense_relu", "feature.W", "feature.B"], ["feature"], {"transB": 1})]
    weights.update({"dense.W": net.dense.weight, "dense.B": net.dense.bias,
                    "feature.W": net.feature.weight, "feature.B": net.feature.bias})
    harness.save(
        os.path.join(folder, "encoder.onnx"), "caption_encoder", nodes,
        [("image", f32, ["N", 3, SIDE, SIDE])], [("feature", f32, ["N", FEATURE])], weights)
    harness.save(
        os.path.join(folder, "decoder.onnx"), "caption_decoder",
        [("Gather", ["embedding", "token"], ["word"], {}),
         ("Add", ["word", "feature"], ["x"], {}),
         ("LSTM", ["x", "lstm.W", "lstm.R", "lstm.B", "", "h", "c"], ["y4", "hn", "cn"],
          {"hidden_size": H}),
         ("Squeeze", ["y4", "direction"], ["y"], {}),
         ("MatMul", ["y", "P"], ["yP"], {}),
         ("Add", ["yP", "p"], ["logits"], {})],
        [("token", i64, ["T", "N"]), ("feature", f32, ["T", "N", FEATURE]),
         ("h", f32, state), ("c", f32, state)],
        [("logits", f32, ["T", "N", len(WORDS) + 1]), ("hn", f32, state), ("cn", f32, state)],
        {"embedding": net.embedding.weight, "direction": [1],
         **harness.lstm_weights(net.lstm, "lstm"), "P": net.project.weight.T, "p": net.project.bias})


def write_held_out(net, random, folder):
    os.makedirs(folder, exist_ok=True)
    exact, lines = 0, []
    for kind, count in (("object", 10), ("scene", 15), ("pair", 15)):
        image, captions, pixels = batch(random, count, kind)
        exact += sum(a == b for a, b in zip(captions, describe(net, image)))
        for text, rgb in zip(captions, pixels):
            write_png(os.path.join(folder, f"{len(lines):02}.png"), rgb)
            lines.append(f"{len(lines):02}.png\t{text}\n")
    with open(os.path.join(folder, "captions.txt"), "w") as file:
        file.writelines(lines)
    print(f"held-out set: {exact} of {len(lines)} exact")


def write_cases(net, random, folder, out):
    image, _, _ = batch(random, 3, "scene")

    def decode(token, feature, h, c):
        logits, (h, c) = net.decode(token, feature, (h, c))
        return logits, h, c

    harness.case(
        os.path.join(folder, "caption-encoder"), os.path.join(out, "encoder.onnx"),
        [(one[None],) for one in image], [], lambda image: (net.encode(image),))
    with torch.no_grad():
        features = first_only(net.encode(image[:1]), 6)
    harness.case(
        os.path.join(folder, "caption-decoder"), os.path.join(out, "decoder.onnx"),
        [(torch.tensor([[token]]), feature[None]) for token, feature in zip((END, 1, 2, 5, 10, 16), features)],
        [("hn", "h", (1, 1, H)), ("cn", "c", (1, 1, H))], decode)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net = Net()
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    harness.fit(net, training_loss(net), args.steps, 3e-3, args.seed, args.checkpoint)
    random = np.random.default_rng(args.seed + 1)
    for kind in ("train", "object", "scene", "pair"):
        report(net, random, kind)
    export(net, args.out)
    if args.cases:
        write_cases(net, random, args.cases, args.out)
    with open(os.path.join(args.out, "words.txt"), "w") as file:
        file.writelines(word + "\n" for word in WORDS)
    write_held_out(net, np.random.default_rng(args.seed + 2), os.path.join(args.out, "held-out"))


if __name__ == "__main__":
    main()
