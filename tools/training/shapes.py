"""Pictures of shapes and what is to be said of them, for caption.py.

A grey background with a slope, no object, one or two, specks and noise. Of two objects the smaller is
named first, of two as large the left or upper one; so there is one right caption. Margins keep it plain:
small is a radius of 6 to 8 pixels, large 11 to 13; centres are at least 7 pixels further apart along the
axis that is named than along the other; objects never touch. One object in four of the training is of a
colour that has no name, and of that nothing is learnt to say.

Never trained on: 18 of the 72 objects (size, colour, shape), six pairs of colour and shape among them
in either size; and every fifth pair of (colour, shape) with another.
"""

import struct
import zlib

import numpy as np

SIDE = 64
SIZES = {"small": (6, 8), "large": (11, 13)}
COLOURS = {
    "red": (0.85, 0.12, 0.10), "green": (0.10, 0.80, 0.18), "blue": (0.12, 0.25, 0.90),
    "yellow": (0.88, 0.84, 0.10), "purple": (0.62, 0.12, 0.82), "white": (0.90, 0.90, 0.90)}
NAMELESS = {"?": (0.95, 0.45, 0.05), "??": (0.10, 0.80, 0.85), "???": (0.95, 0.45, 0.65)}
SHAPES = "circle square triangle cross ring diamond".split()
WORDS = ["a", *SIZES, *COLOURS, *SHAPES, "left", "right", "of", "above", "below", "nothing"]
OBJECT = [list(SIZES), list(COLOURS), SHAPES]
SLOTS = [["0", "1", "2"], *OBJECT, ["left", "right", "above", "below"], *OBJECT]


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
    if colour in NAMELESS:
        return False
    c, s = list(COLOURS).index(colour), SHAPES.index(shape)
    return (c + s) % 6 == 0 or (c + s) % 6 == 3 and (size == "small") == (c % 2 == 0)


def is_held_out_pair(a, b):
    """Of (size, colour, shape) each; sizes don't count."""
    if a[1] in NAMELESS or b[1] in NAMELESS:
        return False
    m, n = sorted(list(COLOURS).index(o[1]) * 6 + SHAPES.index(o[2]) for o in (a, b))
    return (m * 37 + n * 101) % 5 == 0


def draw_object(random, nameless):
    colours = NAMELESS if random.random() < nameless else COLOURS
    return tuple(str(random.choice(list(kinds))) for kinds in (SIZES, colours, SHAPES))


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


def in_order(objects, radii, centres):
    """As they are named: the smaller first, of two as large the left or upper one."""
    if len(objects) == 2:
        apart = centres[1] - centres[0]
        sizes = [list(SIZES).index(size) for size, _, _ in objects]
        if sizes[0] > sizes[1] or sizes[0] == sizes[1] and apart[np.abs(apart).argmax()] < 0:
            return objects[::-1], radii[::-1], centres[::-1]
    return objects, radii, centres


def caption(objects, centres):
    names = ["a " + " ".join(thing) for thing in objects]
    if len(objects) < 2:
        return names[0] if objects else "nothing"
    apart = centres[1] - centres[0]
    axis = np.abs(apart).argmax()
    relation = (("left of", "right of"), ("above", "below"))[axis][int(apart[axis] < 0)]
    return f"{names[0]} {relation} {names[1]}"


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
        shade = np.array((COLOURS | NAMELESS)[colour]) * random.uniform(0.8, 1.1)
        shade += random.uniform(-0.05, 0.05, 3)
        image[here] += (shade - image[here]) * cover
    image += random.standard_normal(image.shape, np.float32) * np.float32(random.uniform(0, 0.06))
    return np.clip(image * 255 + 4, 0, 255).astype(np.uint8) // 8 * 8


def picture(random, kind):
    """An image, its caption, and its objects, their radii and centres in the order of the caption. kind:
    "train", "seen" (the same without colours that have no name), or what is held out: "object", "scene"
    (two, of which at least one is held out) or "pair" (each has been seen, but not the two together)."""
    while True:
        some = random.choice(3, p=[0.03, 0.27, 0.7])
        count = {"train": some, "seen": some, "object": 1}.get(kind, 2)
        objects = [draw_object(random, 0.25 if kind == "train" else 0) for _ in range(count)]
        strange = any(is_held_out(*o) for o in objects)
        pair = count == 2 and is_held_out_pair(*objects)
        known = not strange and not pair
        if {"train": known, "seen": known, "pair": pair and not strange}.get(kind, strange):
            things = in_order(objects, *place(random, objects))
            return paint(random, *things), caption(things[0], things[2]), things


def inside(shape, r, centre):
    """Which of 16×16 places an object covers: a vector of 256 numbers, 0 or 1."""
    middle = np.arange(2, SIDE, 4)
    outline = distance(shape, middle - centre[0], middle[:, None] - centre[1], r).ravel()
    return outline <= max(-0.5, outline.min())


def write_png(path, image):
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                   + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
