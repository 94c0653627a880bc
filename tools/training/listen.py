"""Trains the network that hears spoken digits, and writes it as ONNX.

    python3 tools/training/listen.py --data ../shared/data/spoken-digits/recordings \
        --out tools/src/main/resources/dev/runnel/tools/demo/listen

The network takes audio as it is, 8 kHz, in windows of 360 samples that begin 240 samples (30 ms) apart;
each holds three frames of 200 samples (25 ms), 80 (10 ms) apart. The log-mel features are part of it:

    frame[T, N, 3, 200]  = audio[…, 0:200], audio[…, 80:280], audio[…, 160:360]
    part[T, N, 3, 258]   = frame · D            Hann window and DFT of 256: 129 cosines, 129 sines
    mel[T, N, 3, 32]     = part² · M            32 triangles, evenly spaced on the mel scale, 100–3900 Hz
    x[T, N, 96]          = (ln(mel + 1e-5) - mean) · A    as measured on the training data: without A,
                                                          how loud it is drowns how it sounds
    y[T, N, H]           = LSTM(LSTM(x))        H = 128, forwards only
    score[T, N, 11]      = LogSoftmax(y · P + p)          0–9, and 10 for CTC's blank

It is trained on sequences made up on the way: no to four recordings one after another, each at
a speed and level of its own, pauses between, a random microphone (a tilt of the spectrum), and noise.
The first third of the training tells it where each digit ends, and so what to say when; the rest is CTC.
One sequence in eight holds no digit: silence, noise, hum, clicks; so that these give nothing.

Takes 0–4 of each digit and speaker are never trained on. espeak-ng says the digits too, in its many
voices, some of which are kept for the held-out set that goes with the model.
"""

import harness
import os

import numpy as np
import torch

from sounds import (
    HELD_OUT_VARIANTS, RATE, VARIANTS, read_recordings, sequence, synthesise, write_wav)

FRAME, HOP, STACK, FFT, MELS = 200, 80, 3, 256, 32
STRIDE, WINDOW = HOP * STACK, FRAME + HOP * (STACK - 1)
FLOOR = 1e-5
H, BLANK = 128, 10
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo"]


# ---- features: in NumPy here, in the graph there


def mel_filters():
    """[129, MELS], triangles of height 1 in hertz."""
    mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)
    corners = 700 * (10 ** (np.linspace(mel(100), mel(3900), MELS + 2) / 2595) - 1)
    bins = np.arange(FFT // 2 + 1)[:, None] * (RATE / FFT)
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None)


def hann():
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)


def features(audio):
    """audio[…, K] to ln mel[…, T, 3 · MELS], T = the windows that are full."""
    steps = (audio.shape[-1] - WINDOW) // STRIDE + 1
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME, axis=-1)
    frames = frames[..., :steps * STRIDE:HOP, :] * hann().astype(np.float32)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2
    mel = np.log(power @ mel_filters() + FLOOR).astype(np.float32)
    return mel.reshape(*audio.shape[:-1], steps, STACK * MELS)


# ---- the network


class Net(torch.nn.Module):
    def __init__(self, heard):
        """heard[K, 96]: a sample of log-mel, from which the whitening is."""
        super().__init__()
        self.register_buffer("mean", heard.mean(0))
        variance, directions = torch.linalg.eigh(torch.cov(heard.T))
        # What varies least is mostly noise: it is not brought to deviation 1.
        self.register_buffer("A", directions / (variance + 0.25).sqrt())
        self.lstms = torch.nn.ModuleList([harness.Lstm(STACK * MELS, H), harness.Lstm(H, H)])
        self.project = torch.nn.Linear(H, 11)

    def forward(self, x):
        """Log-mel x[T, N, 96] to log-probabilities[T, N, 11]."""
        y = (x - self.mean) @ self.A
        for lstm in self.lstms:
            y = torch.nn.functional.dropout(lstm(y)[0], 0.2, self.training)
        return self.project(y).log_softmax(-1)


def batch(random, recordings, rows=32):
    """Log-mel x[T, N, 96], lengths[N], the digits, their counts[N], and what to say when[T, N]."""
    made = [sequence(random, recordings, random.integers(1, 5) if random.random() > 0.125 else 0)
            for _ in range(rows)]
    xs = [features(audio) for audio, _, _ in made]
    lengths = torch.tensor([len(x) for x in xs])
    x = np.zeros((max(lengths), rows, STACK * MELS), np.float32)
    when = torch.full(x.shape[:2], BLANK)
    for n, (_, said, ends) in enumerate(made):
        for digit, end in zip(said, ends):
            step = (end - WINDOW) // STRIDE
            when[step - 1:step + 2, n] = digit
    tilt = np.linspace(-1, 1, MELS)
    for n, rows_x in enumerate(xs):
        # A microphone: a line and a bow over the spectrum.
        curve = random.normal() * 0.7 * tilt + random.normal() * 0.7 * (tilt ** 2 - 1 / 3)
        curve *= random.random() < 0.7
        x[:len(rows_x), n] = np.maximum(rows_x + np.tile(curve, STACK), np.log(FLOOR))
    digits = [torch.tensor(said, dtype=torch.long) for _, said, _ in made]
    counts = torch.tensor([len(said) for said in digits])
    return torch.from_numpy(x), lengths, torch.cat(digits), counts, when


def train(recordings, steps, seed, checkpoint):
    random = np.random.default_rng(seed)
    x, lengths, _, _, _ = batch(random, recordings, 64)
    heard = torch.cat([x[:length, n] for n, length in enumerate(lengths)])
    torch.manual_seed(seed)
    net = Net(heard)

    def loss_at(step, random):
        x, lengths, digits, counts, when = batch(random, recordings)
        score = net(x)
        if step < steps // 3:
            return torch.nn.functional.nll_loss(score.flatten(0, 1), when.flatten()) * 10
        return torch.nn.functional.ctc_loss(score, digits, lengths, counts, blank=BLANK)

    return harness.fit(net, loss_at, steps, 4e-3, seed, checkpoint)


# ---- how well


def greedy(scores):
    """CTC: the best of each step, what repeats once, no blanks."""
    best = scores.argmax(-1).tolist()
    return [b for a, b in zip([BLANK] + best, best) if b not in (a, BLANK)]


def hear(net, audio):
    with torch.no_grad():
        return greedy(net(torch.from_numpy(features(audio))[:, None])[:, 0])


def around(audio):
    """A recording as it is listened to alone: 0.15 s before, 0.3 s after."""
    return np.concatenate([np.zeros(RATE * 3 // 20), audio, np.zeros(RATE * 3 // 10)]).astype(np.float32)


def errors(want, got):
    """The edit distance."""
    row = list(range(len(got) + 1))
    for n, a in enumerate(want):
        above, row[0] = row[0], n + 1
        for m, b in enumerate(got):
            above, row[m + 1] = row[m + 1], min(row[m] + 1, row[m + 1] + 1, above + (a != b))
    return row[-1]


def alone(net, recordings):
    return sum(hear(net, around(audio)) == [digit] for digit, _, _, audio in recordings) / len(recordings)


def report(net, unseen, seed):
    for speaker in sorted({r[1] for r in unseen}):
        own = [r for r in unseen if r[1] == speaker]
        print(f"{speaker}: {alone(net, own):.1%} of {len(own)} recordings alone")
    print(f"all: {alone(net, unseen):.2%} of {len(unseen)}", flush=True)
    random = np.random.default_rng(seed + 1)
    for clean in (True, False):
        wrong = exact = total = 0
        for _ in range(200):
            audio, said, _ = sequence(random, unseen, random.integers(3, 8), clean)
            got = hear(net, audio)
            wrong, total, exact = wrong + errors(said, got), total + len(said), exact + (got == said)
        print(f"sequences of 3–7 digits, {'as recorded' if clean else 'speed, level, noise varied'}:"
              f" {wrong / total:.2%} of the digits wrong, {exact / 200:.1%} of 200 exact", flush=True)
    heard = seconds = 0
    for _ in range(200):
        audio = sequence(random, unseen, 0)[0]
        heard, seconds = heard + len(hear(net, audio)), seconds + len(audio) / RATE
    print(f"{heard} digits heard in {seconds:.0f} s of noise", flush=True)


# ---- the file


def export(net, folder):
    angle = 2 * np.pi * np.outer(np.arange(FRAME), np.arange(FFT // 2 + 1)) / FFT
    dft = np.concatenate([np.cos(angle), -np.sin(angle)], 1) * hann()[:, None]
    mel = np.concatenate([mel_filters()] * 2)
    weights = {
        "D": dft.astype(np.float32), "M": mel.astype(np.float32),
        "floor": np.float32(FLOOR), "mean": net.mean, "A": net.A,
        **harness.lstm_weights(net.lstms[0], "lstm0"), **harness.lstm_weights(net.lstms[1], "lstm1"),
        "P": net.project.weight.T, "p": net.project.bias,
        "axis": [2], "direction": [1], "shape": [0, 0, STACK * MELS]}
    nodes = []
    for n in range(STACK):
        weights[f"begin{n}"], weights[f"end{n}"] = [n * HOP], [n * HOP + FRAME]
        nodes += [("Slice", ["audio", f"begin{n}", f"end{n}", "axis"], [f"slice{n}"], {}),
                  ("Unsqueeze", [f"slice{n}", "axis"], [f"frame{n}"], {})]
    lstm = lambda k, x, y: ("LSTM", [x, f"lstm{k}.W", f"lstm{k}.R", f"lstm{k}.B", "", f"h{k}", f"c{k}"],
                            [y, f"hn{k}", f"cn{k}"], {"hidden_size": H})
    nodes += [
        ("Concat", [f"frame{n}" for n in range(STACK)], ["frame"], {"axis": 2}),
        ("MatMul", ["frame", "D"], ["part"], {}),
        ("Mul", ["part", "part"], ["power"], {}),
        ("MatMul", ["power", "M"], ["mel"], {}),
        ("Add", ["mel", "floor"], ["mel_floor"], {}),
        ("Log", ["mel_floor"], ["log_mel"], {}),
        ("Reshape", ["log_mel", "shape"], ["features"], {}),
        ("Sub", ["features", "mean"], ["centred"], {}),
        ("MatMul", ["centred", "A"], ["x"], {}),
        lstm(0, "x", "y0"), ("Squeeze", ["y0", "direction"], ["y0s"], {}),
        lstm(1, "y0s", "y1"), ("Squeeze", ["y1", "direction"], ["y1s"], {}),
        ("MatMul", ["y1s", "P"], ["yP"], {}),
        ("Add", ["yP", "p"], ["logits"], {}),
        ("LogSoftmax", ["logits"], ["score"], {"axis": -1}),
    ]
    f32 = harness.F32
    states = [(f"{s}{k}", f32, [1, "N", H]) for k in (0, 1) for s in ("h", "c")]
    states_out = [(f"{s}n{k}", f32, [1, "N", H]) for k in (0, 1) for s in ("h", "c")]
    harness.save(
        os.path.join(folder, "listen.onnx"), "listen", nodes,
        [("audio", f32, ["T", "N", WINDOW]), *states],
        [("score", f32, ["T", "N", 11]), ("features", f32, ["T", "N", STACK * MELS]), *states_out],
        weights)


def write_held_out(net, random, folder):
    """Sequences said by voices that were not trained on, and noise; the names say the digits."""
    os.makedirs(folder, exist_ok=True)
    said = synthesise(random, 60, HELD_OUT_VARIANTS)
    print(f"espeak-ng's held-out voices: {alone(net, said):.1%} of {len(said)} alone")
    right = 0
    for n in range(12):
        audio, digits, _ = sequence(random, said, 1 if n < 4 else int(random.integers(2, 5)), clean=True)
        right += hear(net, audio) == digits
        write_wav(os.path.join(folder, f"{n:02}-{''.join(map(str, digits))}.wav"), audio)
    for n in range(12, 15):
        audio = sequence(random, said, 0)[0][:2 * RATE]
        right += hear(net, audio) == []
        write_wav(os.path.join(folder, f"{n}-.wav"), audio)
    print(f"held-out set: {right} of 15 exact")


def write_golden(net, folder):
    """A chirp, 100 to 3,900 Hz in half a second: what the network makes of it."""
    time = np.arange(RATE // 2) / RATE
    audio = (0.25 * np.sin(2 * np.pi * (100 + 3800 * time) * time)).astype(np.float32)
    x = features(audio)
    with torch.no_grad():
        score = net(torch.from_numpy(x)[:, None])[:, 0].numpy()
    for name, value in (("audio", audio), ("features", x), ("score", score)):
        np.save(os.path.join(folder, f"chirp-{name}.npy"), value.astype(np.float32))


def write_case(net, audio, folder, out):
    def answer(window, h0, c0, h1, c1):
        heard = torch.from_numpy(features(window.numpy()[0]))
        y, (h0, c0) = net.lstms[0]((heard - net.mean) @ net.A, (h0, c0))
        y, (h1, c1) = net.lstms[1](y, (h1, c1))
        return net.project(y).log_softmax(-1), heard, h0, c0, h1, c1

    windows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::STRIDE][:20]
    harness.case(
        os.path.join(folder, "listen"), os.path.join(out, "listen.onnx"),
        [(torch.tensor(window)[None, None],) for window in windows],
        [(f"{s}n{k}", f"{s}{k}", (1, 1, H)) for k in (0, 1) for s in ("h", "c")], answer)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--data", required=True, help="the folder of recordings")
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--held-out", help="the folder the held-out set is written to")
    parser.add_argument("--without", choices=SPEAKERS,
                        help="leave a speaker out of the training and report on him; writes nothing")
    args = parser.parse_args()

    recordings = read_recordings(args.data)
    synthetic = synthesise(np.random.default_rng(args.seed), 400, VARIANTS)
    seen = [r for r in recordings if r[2] > 4 and r[1] != args.without]
    unseen = [r for r in recordings if (r[1] == args.without if args.without else r[2] <= 4)]
    print(f"trained on {len(seen)} recordings and {len(synthetic)} of espeak-ng,"
          f" measured on {len(unseen)}", flush=True)
    net = train(seen + synthetic, args.steps, args.seed, args.checkpoint)
    report(net, unseen, args.seed)
    if args.without:
        return
    export(net, args.out)
    folder = args.held_out or os.path.join(args.out, "held-out")
    write_held_out(net, np.random.default_rng(args.seed + 2), folder)
    write_golden(net, folder)
    if args.cases:
        write_case(net, around(synthetic[3][3]), args.cases, args.out)


if __name__ == "__main__":
    main()
