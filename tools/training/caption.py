"""Trains the convolutions and the LSTM that describe pictures of shapes, and writes them as ONNX.

    python3 tools/training/caption.py \
        --out tools/src/main/resources/dev/runnel/tools/demo/caption

    encoder:  image[N, 3, 64, 64], 0 to 1
              seen[N, 24, 8, 8]  = six convolutions of the brightest channel, each with ReLU
              dense[N, 256]      = a dense layer of it, with ReLU
              look[N, 2, 256]    = softmax of a dense layer: where of 16×16 places the two objects are
              hue[N, 2, 3]       = the colours there
              feature[N, 128]    = 96 of a dense layer of `dense`, 16 for each hue by a small network
    decoder:  h, c   = LSTM(embedding[token] + feature, h, c)       from zero, 192 units
              logits = h · P + p                                    END and 21 words

So no colour is seen where shapes are told apart, and no shape where colours are: otherwise it learns
which of them go together, and takes a green diamond, never seen, for another colour or shape.

The feature vector enters once, with the first token (END); with all others the decoder gets zeros.
In training, a linear layer beside the decoder must read from it how many objects there are, size,
colour and shape of the first and the second, and the relation. Another must read size and shape from
what the convolutions make of the 8×8 pixels at an object's centre: what is learnt in one place holds
for all. And it is told where to look. The decoder joins in after a quarter of the training.

The pictures are made up on the way, by shapes.py, which says what is never trained on: the figures are
of that.

Beside the models it writes words.txt, and held-out/ with 40 such pictures and their captions.
"""

import harness
import os

import numpy as np
import torch
from torch.nn.functional import cross_entropy, dropout, relu

from shapes import NAMELESS, SHAPES, SIDE, SIZES, SLOTS, WORDS, inside, picture, write_png

FEATURE, H = 128, 192
END = 0


# ---- the network


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        # Channels in and out, size, stride: 64 pixels to 32, 16, 8, and there they stay.
        layers = [(1, 16, 5, 2), (16, 32, 3, 2), (32, 64, 3, 2), (64, 64, 3, 1), (64, 64, 3, 1),
                  (64, 24, 1, 1)]
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, size, stride, padding=size // 2, bias=False)
            for a, b, size, stride in layers)
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(layer[1]) for layer in layers)
        self.dense = torch.nn.Linear(24 * 8 * 8, 256)
        self.look = torch.nn.Linear(256, 2 * 256)
        self.hue = torch.nn.Linear(3, 32)
        self.hue_out = torch.nn.Linear(32, 16)
        self.rest = torch.nn.Linear(256, FEATURE - 2 * 16)
        self.aside = torch.nn.Linear(FEATURE, sum(map(len, SLOTS)))
        self.aside_at = torch.nn.Linear(24, len(SIZES) + len(SHAPES))
        self.embedding = torch.nn.Embedding(len(WORDS) + 1, FEATURE)
        self.lstm = harness.Lstm(FEATURE, H)
        self.project = torch.nn.Linear(H, len(WORDS) + 1)

    def see(self, image):
        """image[N, 3, 64, 64] to [N, 24, 8, 8]."""
        image = image.amax(1, keepdim=True)
        for convolution, norm in zip(self.convolutions, self.norms):
            image = relu(norm(convolution(image)))
        return image

    def encode(self, image):
        return self.summarise(self.see(image), image)[0]

    def summarise(self, seen, image):
        """feature[N, 128], and look[N, 2, 256]."""
        dense = dropout(relu(self.dense(seen.flatten(1))), 0.1, self.training)
        places = torch.nn.functional.avg_pool2d(image, 4).flatten(2).transpose(1, 2)
        look = self.look(dense).view(-1, 2, 256).softmax(-1)
        hue = self.hue_out(relu(self.hue(look @ places))).flatten(1)
        return torch.cat([self.rest(dense), hue], 1), look

    def decode(self, token, feature, state=None):
        """token[T, N], feature[T, N, 128] to logits[T, N, 22]."""
        x = self.embedding(token)
        if self.training:
            # Without some of the words before, it must look at the picture for the next.
            x = x * (torch.rand(token.shape) > 0.3)[..., None]
        y, state = self.lstm(x + feature, state)
        return self.project(dropout(y, 0.1, self.training)), state


def slots(text):
    """Which of SLOTS' values a caption has; -1 where it has none."""
    words = text.replace("left of", "left").replace("right of", "right").split()
    words = [w for w in words if w not in ("a", "nothing")]
    found = [str(1 + len(words) // 4 if words else 0), *words] + [None] * (7 - len(words))
    return [slot.index(word) if word in slot else -1 for slot, word in zip(SLOTS, found)]


def first_only(feature, steps):
    return torch.cat([feature[None], torch.zeros(steps - 1, *feature.shape)])


def batch(random, rows, kind):
    images, captions, things = zip(*(picture(random, kind) for _ in range(rows)))
    image = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous() / 255
    return image, captions, images, things


def read_loss(scores, kinds, wanted):
    """scores[K, …]: a score for each value of each kind; wanted: K rows of which, -1 if it has none."""
    parts = scores.split([len(kind) for kind in kinds], 1)
    return sum(cross_entropy(part, torch.tensor(column), ignore_index=-1)
               for part, column in zip(parts, zip(*wanted)))


def caption_loss(net, feature, captions):
    target = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor([-1 if w in NAMELESS else WORDS.index(w) + 1 for w in text.split()] + [END])
         for text in captions],
        padding_value=-1)
    shifted = torch.cat([torch.full((1, len(captions)), END), target[:-1].clamp(min=0)])
    logits, _ = net.decode(shifted, first_only(feature, len(shifted)))
    return cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1)


def training_loss(net, steps, rows=64):
    def loss_at(step, random):
        image, captions, _, things = batch(random, rows, "train")
        each = [(n, k, *thing) for n, scene in enumerate(things) for k, thing in enumerate(zip(*scene))]
        seen = net.see(image)
        feature, look = net.summarise(seen, image)
        loss = read_loss(net.aside(feature), SLOTS, map(slots, captions)) * 0.3
        n, k, y, x = torch.tensor([(n, k, int(y), int(x)) for n, k, _, _, (x, y) in each]).T
        kinds = ([list(SIZES).index(size), SHAPES.index(shape)] for _, _, (size, _, shape), _, _ in each)
        loss = loss + read_loss(net.aside_at(seen[n, :, y // 8, x // 8]), [SIZES, SHAPES], kinds) * 0.3
        covered = np.stack([inside(shape, r, centre) for _, _, (_, _, shape), r, centre in each])
        covered = torch.from_numpy(covered).float()
        loss = loss - ((look[n, k] * covered).sum(1) + 1e-6).log().mean() * 0.3
        # The words last: whoever learns them of a blurred picture learns to guess.
        return loss + caption_loss(net, feature, captions) if step >= steps // 4 else loss

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
        image, captions = batch(random, 100, kind)[:2]
        for want, got in zip(captions, describe(net, image)):
            exact += want == got
            if want != got and shown < 4:
                shown += 1
                print(f"  {got!r}, not {want!r}")
    print(f"{kind}: {exact / count:.2%} of {count} captions exact", flush=True)


# ---- the files


def export(net, folder):
    f32, i64, state = harness.F32, harness.I64, [1, "N", H]
    weights, name = {}, "bright"
    nodes = [("ReduceMax", ["image"], ["bright"], {"axes": [1], "keepdims": 1})]
    for n, (convolution, norm) in enumerate(zip(net.convolutions, net.norms)):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weights[f"conv{n}.W"] = convolution.weight * scale[:, None, None, None]
        weights[f"conv{n}.B"] = norm.bias - norm.running_mean * scale
        kernel, pad = convolution.kernel_size[0], convolution.padding[0]
        nodes += [
            ("Conv", [name, f"conv{n}.W", f"conv{n}.B"], [f"conv{n}"],
             {"kernel_shape": [kernel] * 2, "strides": list(convolution.stride), "pads": [pad] * 4}),
            ("Relu", [f"conv{n}"], [f"relu{n}"], {})]
        name = f"relu{n}"
    for layer in ("dense", "look", "hue", "hue_out", "rest"):
        weights[f"{layer}.W"] = getattr(net, layer).weight.T
        weights[f"{layer}.B"] = getattr(net, layer).bias

    def affine(layer, x, y):
        return [("MatMul", [x, f"{layer}.W"], [f"{layer}_product"], {}),
                ("Add", [f"{layer}_product", f"{layer}.B"], [y], {})]

    weights.update({"two": [0, 2, 256], "places": [0, 3, 256]})
    nodes += [
        ("Flatten", [name], ["flat"], {}),
        *affine("dense", "flat", "dense"), ("Relu", ["dense"], ["dense_relu"], {}),
        *affine("look", "dense_relu", "look"), ("Reshape", ["look", "two"], ["look_two"], {}),
        ("Softmax", ["look_two"], ["where"], {"axis": -1}),
        ("AveragePool", ["image"], ["pool"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("Reshape", ["pool", "places"], ["channels"], {}),
        ("Transpose", ["channels"], ["colours"], {"perm": [0, 2, 1]}),
        ("MatMul", ["where", "colours"], ["colour"], {}),
        *affine("hue", "colour", "hue"), ("Relu", ["hue"], ["hue_relu"], {}),
        *affine("hue_out", "hue_relu", "hue_out"), ("Flatten", ["hue_out"], ["hues"], {}),
        *affine("rest", "dense_relu", "rest"),
        ("Concat", ["rest", "hues"], ["feature"], {"axis": 1})]
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
        image, captions, pixels = batch(random, count, kind)[:3]
        exact += sum(a == b for a, b in zip(captions, describe(net, image)))
        for text, rgb in zip(captions, pixels):
            write_png(os.path.join(folder, f"{len(lines):02}.png"), rgb)
            lines.append(f"{len(lines):02}.png\t{text}\n")
    with open(os.path.join(folder, "captions.txt"), "w") as file:
        file.writelines(lines)
    print(f"held-out set: {exact} of {len(lines)} exact")


def write_cases(net, random, folder, out):
    image = batch(random, 3, "scene")[0]

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
        [(torch.tensor([[token]]), feature[None])
         for token, feature in zip((END, 1, 2, 5, 10, 16), features)],
        [("hn", "h", (1, 1, H)), ("cn", "c", (1, 1, H))], decode)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net = Net()
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    harness.fit(net, training_loss(net, args.steps), args.steps, 3e-3, args.seed, args.checkpoint)
    random = np.random.default_rng(args.seed + 1)
    for kind in ("seen", "object", "scene", "pair"):
        report(net, random, kind)
    export(net, args.out)
    if args.cases:
        write_cases(net, random, args.cases, args.out)
    with open(os.path.join(args.out, "words.txt"), "w") as file:
        file.writelines(word + "\n" for word in WORDS)
    write_held_out(net, np.random.default_rng(args.seed + 2), os.path.join(args.out, "held-out"))


if __name__ == "__main__":
    main()
