"""Measures how long the idiom chains of the trained model get, all idioms real and none said twice.

    python3 tools/training/idioms_chains.py \
        --model tools/src/main/resources/dev/runnel/tools/demo/idioms

Plays as `runnel demo idioms --real-only` does: of the idioms that begin as they must, those that lead on
through others not yet said, if there are any; of these character by character the best-scored.

Needs NumPy and onnx; half a minute.
"""

import argparse
import os

import numpy as np

import idioms


def scores(path, tokens):
    """log P of each idiom's second, third and fourth character, [K, 3]."""
    found = []
    for rows in np.array_split(tokens, 20):
        logits = idioms.evaluate(path, rows[:, :3].T)
        peak = logits.max(2, keepdims=True)
        logits -= peak + np.log(np.exp(logits - peak).sum(2, keepdims=True))
        found.append(np.take_along_axis(logits, rows[:, 1:].T[..., None], 2)[..., 0].T)
    return np.concatenate(found)


class Game:
    def __init__(self, tokens, score):
        self.tokens, self.score = tokens, score
        self.first, self.last = tokens[:, 0], tokens[:, 3]

    def open(self, unsaid):
        """The characters from which real idioms not yet said lead on and on, or begin at all."""
        beginnings = np.zeros(self.tokens.max() + 1, bool)
        beginnings[self.first[unsaid]] = True
        found = beginnings
        while True:
            narrower = np.zeros_like(found)
            narrower[self.first[unsaid & found[self.last]]] = True
            if (narrower == found).all():
                return found if found.any() else beginnings
            found = narrower

    def chain(self, start, limit):
        """How many idioms follow `start`."""
        unsaid = np.ones(len(self.tokens), bool)
        unsaid[start] = False
        for length in range(limit):
            begun = unsaid & (self.first == self.last[start])
            leading = begun & self.open(unsaid)[self.last]
            left = np.flatnonzero(leading if leading.any() else begun)
            if len(left) == 0:
                return length
            for n in range(3):
                best = left[self.score[left, n].argmax()]
                left = left[self.tokens[left, n + 1] == self.tokens[best, n + 1]]
            start = left[0]
            unsaid[start] = False
        return limit


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="the folder of the idiom model")
    args = parser.parse_args()
    read = lambda name: open(os.path.join(args.model, name), encoding="utf-8").read()
    index = {character: n + 1 for n, character in enumerate(read("vocabulary.txt").strip())}
    tokens = np.array([[index[c] for c in idiom] for idiom in read("idioms.txt").split()])
    game = Game(tokens, scores(os.path.join(args.model, "idioms.onnx"), tokens))
    starts = np.random.default_rng(1).permutation(len(tokens))[:1000]
    lengths = np.array([game.chain(start, 100) for start in starts])
    for length in (1, 20, 100):
        print(f"{(lengths >= length).mean():.1%} of {len(starts)} starts: {length} or more idioms follow")
    begun = lengths >= 1
    print(f"of those that any idiom follows: {(lengths[begun] >= 20).mean():.1%} reach 20")


if __name__ == "__main__":
    main()
