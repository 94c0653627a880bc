"""Trains the encoder and decoder that translate written dates to ISO 8601, and writes them as ONNX.

    python3 tools/training/translate.py \
        --out tools/src/main/resources/dev/runnel/tools/demo/translate

    encoder:  h, c  = LSTM(embedding[token])                token by token, from zero to END
    decoder:  h, c  = LSTM(embedding'[token], h, c)         begins with the encoder's state and END
              logits[T, N, 12] = h · P + p                  END, 0–9, -

Both have 128 units; the embeddings 32 and 16. The data is made up on the way: the forms below, each
date in one of them, with the slips people make. One in twenty texts is no date; its translation is
nothing. Every tenth day of history is kept from the training, whatever the form: the figures are of
those days.

Beside the models it writes vocabulary.txt and held-out.txt: text, a tab, the date.
"""

import harness
import datetime
import os
import unicodedata

import numpy as np
import torch

H, E, E_OUT = 128, 32, 16
END, UNKNOWN = 0, 1
OUT = "0123456789-"
MONTHS = ("January February March April May June July August September October November"
          " December").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
            " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
            " twentieth").split()
WORDS = ("hello world today tomorrow yesterday the date of birth is unknown never soon week month year"
         " day morning at noon please translate this text to be or not many days ago version page"
         " 你好 今天 明天 日期 不知道 去年 月亮 星期").split()
HAN = "〇一二三四五六七八九"
VOCABULARY = ("abcdefghijklmnopqrstuvwxyz0123456789 ,.-/'()" + HAN
              + "零○十廿卅年月日号號元公星期天周週礼拜禮")


# ---- the data


def han_digits(number, zero):
    return "".join(HAN[int(digit)] for digit in str(number)).replace("〇", zero)


def han_number(number, short):
    """1 to 31 as in 二十三, or 廿三 if short."""
    tens, ones = divmod(number, 10)
    if short and tens >= 2:
        return " 廿卅"[tens - 1] + (HAN[ones] if ones else "")
    return ("" if tens == 0 else "十" if tens == 1 else HAN[tens] + "十") + (HAN[ones] if ones else "")


def ordinal(day):
    suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def ordinal_word(day):
    if day <= 20:
        return ORDINALS[day - 1]
    if day == 30:
        return "thirtieth"
    return ("twenty-" if day < 30 else "thirty-") + ORDINALS[day % 10 - 1]


class Forms:
    """Writes dates; random draws what a writer is free in."""

    def __init__(self, random):
        self.random = random

    def chance(self, share):
        return self.random.random() < share

    def one_of(self, *options):
        return options[self.random.integers(len(options))]

    def write(self, date):
        text = self.one_of(
            self.english, self.english, self.english, self.english, self.chinese, self.chinese,
            self.chinese, self.numbers, self.numbers)(date)
        return text.upper() if self.chance(0.05) else text.lower() if self.chance(0.2) else text

    def month(self, date):
        name = MONTHS[date.month - 1]
        if self.chance(0.4):
            name = "Sept" if date.month == 9 and self.chance(0.4) else name[:3]
            return name + (self.one_of("", "", ".") if date.month != 5 else "")
        if len(name) > 5 and self.chance(0.04):
            # A slip: a letter too few, or twice, or two the wrong way round.
            at = self.random.integers(1, len(name) - 1)
            return self.one_of(
                name[:at] + name[at + 1:], name[:at] + name[at - 1:],
                name[:at] + name[at + 1] + name[at] + name[at + 2:])
        return name

    def day(self, date):
        return self.one_of(
            str(date.day), str(date.day), f"{date.day:02}", ordinal(date.day), ordinal(date.day),
            f"{date.day}th" if self.chance(0.1) else ordinal(date.day))

    def english(self, date):
        day, month, year = self.day(date), self.month(date), f"{date.year}"
        nth = self.one_of(ordinal(date.day), ordinal(date.day), ordinal_word(date.day))
        comma = self.one_of(",", ",", "")
        text = self.one_of(
            f"{day} {month}{comma} {year}",
            f"{day} {month} {year}",
            f"{month} {day}{comma} {year}",
            f"{month} {day}{comma} {year}",
            f"{nth} of {month}{comma} {year}",
            f"the {nth} of {month}{comma} {year}",
            f"{month} {nth}{comma} {year}",
            f"{month} the {nth}{comma} {year}",
            f"{nth} {month} {year}",
            f"{year} {month} {day}",
            f"{year}{comma} {month} {day}",
            f"{day}-{month}-{year}",
            f"{day}/{month}/{year}")
        if self.chance(0.25):
            name = DAYS[date.weekday()]
            name = self.one_of(name, name, name[:3], name[:3] + ".")
            text = self.one_of(f"{name}, {text}", f"{name} {text}", f"{text}, {name}", f"{text} ({name})")
        if self.chance(0.05):
            text = self.one_of("on ", "born ", "date: ", "dated ") + text
        if self.chance(0.05):
            text += "."
        if self.chance(0.06):
            text = text.replace(" ", "")
        elif self.chance(0.06):
            text = text.replace(",", " ,")
        return text

    def chinese(self, date):
        written = self.one_of("digits", "digits", "padded", "han", "han", "short")
        if written in ("digits", "padded"):
            width = "02" if written == "padded" else ""
            year, month, day = f"{date.year}", f"{date.month:{width}}", f"{date.day:{width}}"
        else:
            year = han_digits(date.year, self.one_of("〇", "〇", "零", "○"))
            month = han_number(date.month, False)
            day = han_number(date.day, written == "short")
        if date.month == 1 and self.chance(0.1):
            month = "元"
        text = f"{year}年{month}月{day}" + self.one_of("日", "日", "日", "号", "號", "")
        if self.chance(0.25):
            name = ("一二三四五六日" if self.chance(0.5) else "一二三四五六天")[date.weekday()]
            name = self.one_of("星期", "周", "週", "礼拜", "禮拜") + name
            text += self.one_of(name, " " + name, f"({name})", f"（{name}）", "，" + name)
        if self.chance(0.05):
            text = self.one_of("公元", "公元 ") + text
        if self.chance(0.08):
            for sign in "年月日号":
                text = text.replace(sign, f" {sign} ")
        if self.chance(0.05):
            text = "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isdigit() else c for c in text)
        return text

    def numbers(self, date):
        year, month, day = date.year, date.month, date.day
        if self.chance(0.1):
            return f"{year}{month:02}{day:02}"
        width = self.one_of("", "02")
        month, day = f"{month:{width}}", f"{day:{width}}"
        sign = self.one_of("-", "/", ".", "/", "-", " ")
        space = " " if sign != " " and self.chance(0.05) else ""
        order = [year, month, day] if self.chance(0.6) else [day, month, year]
        if order[0] == day and sign == "/" and date.day > 12 and self.chance(0.5):
            order = [month, day, year]
        return f"{space}{sign}{space}".join(map(str, order))

    def no_date(self, date):
        """Words, letters, or a date that lacks a part."""
        if self.chance(0.1):
            return ""
        if self.chance(0.4):
            return " ".join(self.one_of(*WORDS) for _ in range(self.random.integers(1, 6)))
        if self.chance(0.5):
            letters = VOCABULARY + "?!~@#£é漢"
            return "".join(letters[n] for n in self.random.integers(
                len(letters), size=self.random.integers(1, 24)))
        return self.one_of(
            f"{self.month(date)} {date.year}", f"{self.day(date)} {self.month(date)}",
            f"{self.month(date)} {self.day(date)}", f"{date.year}年{date.month}月",
            f"{date.month}月{date.day}日", f"{date.year}", f"{self.month(date)}", DAYS[date.weekday()])


def held_out(date):
    """Every tenth day, scattered."""
    return date.toordinal() * 2654435761 % 2**32 < 2**32 // 10


def draw(random, unseen):
    """A text and its translation; of days that are held out, or of the others."""
    forms = Forms(random)
    while True:
        first, last = (1900, 2060) if forms.chance(0.7) else (1000, 2999)
        date = datetime.date(random.integers(first, last), 1, 1)
        date += datetime.timedelta(int(random.integers(366)))
        if held_out(date) == unseen:
            if forms.chance(0.05):
                return forms.no_date(date), ""
            return forms.write(date), date.isoformat()


def tokens(text):
    """NFKC, lower case, runs of white space as one space, none at the ends; then END."""
    text = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return [VOCABULARY.find(c) + 2 if c in VOCABULARY else UNKNOWN for c in text] + [END]


# ---- the network


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(len(VOCABULARY) + 2, E)
        self.encoder = harness.Lstm(E, H)
        self.embedding_out = torch.nn.Embedding(len(OUT) + 1, E_OUT)
        self.decoder = harness.Lstm(E_OUT, H)
        self.project = torch.nn.Linear(H, len(OUT) + 1)

    def encode(self, token, lengths):
        """token[T, N] to the state after each row's last."""
        h, c = self.encoder.steps(self.embedding(token))
        last = (lengths - 1, torch.arange(len(lengths)))
        return h[last][None], c[last][None]

    def decode(self, token, state):
        y, state = self.decoder(self.embedding_out(token), state)
        return self.project(y), state


def batch(texts):
    rows = [torch.tensor(tokens(text)) for text in texts]
    return torch.nn.utils.rnn.pad_sequence(rows), torch.tensor([len(row) for row in rows])


def targets(dates):
    rows = [torch.tensor([OUT.index(c) + 1 for c in date] + [END]) for date in dates]
    return torch.nn.utils.rnn.pad_sequence(rows, padding_value=-1)


def training_loss(net, rows=128):
    def loss_at(step, random):
        texts, dates = zip(*(draw(random, False) for _ in range(rows)))
        target = targets(dates)
        shifted = torch.cat([torch.full((1, rows), END), target[:-1].clamp(min=0)])
        logits, _ = net.decode(shifted, net.encode(*batch(texts)))
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=-1)

    return loss_at


def translate(net, texts):
    """Greedily."""
    with torch.no_grad():
        state = net.encode(*batch(texts))
        token, said = torch.full((1, len(texts)), END), []
        for _ in range(12):
            logits, state = net.decode(token, state)
            token = logits.argmax(-1)
            said.append(token[0])
    return ["".join(OUT[t - 1] for t in row[:(row + [END]).index(END)])
            for row in torch.stack(said, 1).tolist()]


# ---- the files


def export(net, folder):
    f32, i64, state = harness.F32, harness.I64, [1, "N", H]
    states = [("h", f32, state), ("c", f32, state)]
    states_out = [("hn", f32, state), ("cn", f32, state)]

    def lstm(name):
        return [("Gather", ["embedding", "token"], ["x"], {}),
                ("LSTM", ["x", f"{name}.W", f"{name}.R", f"{name}.B", "", "h", "c"],
                 ["y4", "hn", "cn"], {"hidden_size": H}),
                ("Squeeze", ["y4", "direction"], ["y"], {})]

    harness.save(
        os.path.join(folder, "encoder.onnx"), "translate_encoder", lstm("encoder"),
        [("token", i64, ["T", "N"]), *states], [("y", f32, ["T", "N", H]), *states_out],
        {"embedding": net.embedding.weight, "direction": [1],
         **harness.lstm_weights(net.encoder, "encoder")})
    harness.save(
        os.path.join(folder, "decoder.onnx"), "translate_decoder",
        [*lstm("decoder"), ("MatMul", ["y", "P"], ["yP"], {}), ("Add", ["yP", "p"], ["logits"], {})],
        [("token", i64, ["T", "N"]), *states],
        [("logits", f32, ["T", "N", len(OUT) + 1]), *states_out],
        {"embedding": net.embedding_out.weight, "direction": [1],
         **harness.lstm_weights(net.decoder, "decoder"),
         "P": net.project.weight.T, "p": net.project.bias})


def write_cases(net, folder, out):
    states = [("hn", "h", (1, 1, H)), ("cn", "c", (1, 1, H))]

    def encode(token, h, c):
        y, (h, c) = net.encoder(net.embedding(token), (h, c))
        return y, h, c

    def decode(token, h, c):
        logits, (h, c) = net.decode(token, (h, c))
        return logits, h, c

    harness.case(
        os.path.join(folder, "translate-encoder"), os.path.join(out, "encoder.onnx"),
        [(torch.tensor([[token]]),) for token in tokens("3rd of May 1979")], states, encode)
    harness.case(
        os.path.join(folder, "translate-decoder"), os.path.join(out, "decoder.onnx"),
        [(torch.tensor([[token]]),) for token in (END, 2, 10, 8, 10, 11)], states, decode)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net = Net()
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    harness.fit(net, training_loss(net), args.steps, 4e-3, args.seed, args.checkpoint)

    random = np.random.default_rng(args.seed + 1)
    pairs = [draw(random, True) for _ in range(10000)]
    said = translate(net, [text for text, _ in pairs])
    wrong = [(text, date, got) for (text, date), got in zip(pairs, said) if got != date]
    dates = [date != "" for _, date in pairs]
    wrong_dates = sum(date != "" for _, date, _ in wrong)
    print(f"{1 - wrong_dates / sum(dates):.2%} of {sum(dates)} texts of held-out days exact;"
          f" of {len(dates) - sum(dates)} that are no date,"
          f" {1 - (len(wrong) - wrong_dates) / (len(dates) - sum(dates)):.1%} said to be none")
    for text, date, got in wrong[:20]:
        print(f"  {text!r}: {got!r}, not {date!r}")
    export(net, args.out)
    if args.cases:
        write_cases(net, args.cases, args.out)
    with open(os.path.join(args.out, "vocabulary.txt"), "w", encoding="utf-8") as file:
        file.write(VOCABULARY + "\n" + OUT + "\n")
    with open(os.path.join(args.out, "held-out.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{text}\t{date}\n" for text, date in pairs[:500])


if __name__ == "__main__":
    main()
