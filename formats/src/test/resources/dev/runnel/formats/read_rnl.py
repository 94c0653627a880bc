"""Reads an .rnl file by docs/formats.md alone, with nothing but Python, and prints it as text.

Usage: python3 read_rnl.py FILE
"""
import struct
import sys

ELEMENTS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "B", 10: "e", 11: "d",
            12: "I", 13: "Q", 16: "bf16"}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & (1 << 64) - 1, at


def fields(data):
    """Field number to the list of its values: ints, or the bytes of what has a length."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            length = 4 if kind == 5 else 8
            value, at = data[at:at + length], at + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def one(message, number, otherwise):
    return message.get(number, [otherwise])[-1]


def text(message, number):
    return one(message, number, b"").decode()


def integers(message, number):
    """A repeated integer, packed or not."""
    values = []
    for v in message.get(number, []):
        if isinstance(v, int):
            values.append(v)
            continue
        at = 0
        while at < len(v):
            value, at = varint(v, at)
            values.append(value)
    return values


def zigzag(n):
    return n >> 1 ^ -(n & 1)


def tensor(data, base, entry):
    e = fields(entry)
    at, length = base + one(e, 4, 0), one(e, 5, 0)
    raw = data[at:at + length]
    assert len(raw) == length and at % 64 == 0
    assert crc32c(raw) == struct.unpack("<I", one(e, 6, bytes(4)))[0]
    code = ELEMENTS[one(e, 2, 0)]
    if code == "bf16":
        values = [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0] for i in range(0, length, 2)]
    else:
        values = list(struct.unpack("<%d%s" % (length // struct.calcsize(code), code), raw))
    return "%s %s %s" % (code, integers(e, 3), values)


def value(v):
    v = fields(v)
    dims = "unranked"
    if 3 in v:
        dims = [one(d, 1, None) if 1 in d else text(d, 2)
                for d in map(fields, fields(v[3][-1]).get(1, []))]
    return "%s %s %s" % (text(v, 1), ELEMENTS[one(v, 2, 0)], dims)


def attribute(a, indent):
    a = fields(a)
    name = text(a, 1)
    if 2 in a:
        print(indent, name, "integer", zigzag(a[2][-1]))
    elif 3 in a:
        print(indent, name, "number", struct.unpack("<f", a[3][-1])[0])
    elif 4 in a:
        print(indent, name, "text", text(a, 4))
    elif 5 in a:
        print(indent, name, "integers", [zigzag(n) for n in integers(fields(a[5][-1]), 1)])
    elif 6 in a:
        raw = b"".join(fields(a[6][-1]).get(1, []))
        print(indent, name, "numbers", list(struct.unpack("<%df" % (len(raw) // 4), raw)))
    elif 7 in a:
        print(indent, name, "texts", [t.decode() for t in fields(a[7][-1]).get(1, [])])
    elif 8 in a:
        print(indent, name, "tensor", a[8][-1])
    elif 9 in a:
        print(indent, name, "graph")
        graph(fields(a[9][-1]), indent + "  ")


def graph(g, indent):
    for kind, number in (("input", 1), ("output", 2)):
        for v in g.get(number, []):
            print(indent, kind, value(v))
    for i in map(fields, g.get(3, [])):
        print(indent, "initializer", text(i, 1), one(i, 2, 0))
    for n in map(fields, g.get(4, [])):
        print(indent, "node", text(n, 1), text(n, 2) or "-", text(n, 3),
              [x.decode() for x in n.get(4, [])], [x.decode() for x in n.get(5, [])])
        for a in n.get(6, []):
            attribute(a, indent + " ")
    for m in map(fields, g.get(5, [])):
        print(indent, "metadata", text(m, 1), "=", text(m, 2))


def main(file):
    data = open(file, "rb").read()
    assert data[:8] == b"\x89RNL\r\n\x1a\n"
    major, minor, length, crc = struct.unpack("<HHII", data[8:20])
    assert major == 1 and crc32c(data[:16] + data[20:20 + length]) == crc
    header = fields(data[20:20 + length])
    print("version %d.%d, operator set %d" % (major, minor, one(header, 1, 0)))
    base = (20 + length + 63) // 64 * 64
    for i, entry in enumerate(header.get(3, [])):
        print("tensor", i, tensor(data, base, entry))
    graph(fields(header[2][-1]), "")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(sys.argv[1])
