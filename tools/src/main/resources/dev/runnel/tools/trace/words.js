"use strict";

// All that is said, in two languages. HTML in it is ours; what a trace brings is put in as text.
const WORDS = {
  en: {
    kicker: "Runnel · see it think",
    language: "中文", languageLabel: "切换到中文", light: "Light", dark: "Dark",
    player: "Player", first: "To the start", back: "One step back", forward: "One step forward",
    play: "Play", pause: "Pause", step: "Step", speed: "Speed", slow: "slow", normal: "normal",
    fast: "fast", text: "What enters, step by step", layers: "Layer",
    given: "given", chosen: "the model's choice", now: "entering now",
    heard: "a digit: heard", again: "the same still: counts no more", noDigit: "no new digit (blank)",
    picture: "What enters", wave: "The sound; click to go there",
    symbols: [["x<sub>t</sub>", "What enters now, as numbers; for a second layer, the h of the first."],
      ["h<sub>t−1</sub>, C<sub>t−1</sub>", "h and C as the step before left them."],
      ["W, R, b", "Learnt, then fixed: how much each number of x and of h counts for a unit, and a constant"
        + " to start from. Each gate has its own."],
      ["σ, tanh", "Squeeze any number: σ to between 0 and 1, a share; tanh to between −1 and 1."],
      ["⊙", "Multiplied unit by unit: each unit has a gate of its own."]],
    next: "What comes next?",
    nextNote: "The model's own probabilities, from h alone. Temperature, search and the rules of the"
      + " game come after.",
    frameNote: "The model's own probabilities for this piece of sound. The same digit in several pieces"
      + " on end counts once.",
    readingNote: "The encoder says nothing. It reads, and keeps what matters in C and h; from there"
      + " the decoder starts.",
    taken: "✓ chosen", goesOn: "given", enters: "enters:", noNext: "",
    unit: (n, rank) => `Unit ${n}, number ${rank} by activity`,
    unitBack: "A more active unit", unitForward: "A less active unit",
    historyNote: "This unit over the steps around now. Point at a cell below to see another; click to"
      + " keep it.",
    inside: "Inside the LSTM",
    insideNote: "Each cell of a map is one unit, at the same place in all six. The most active ones,"
      + " whose h changes most from step to step, come first.",
    layer: n => `Layer ${n}`, mean: v => `mean ${v}`,
    history: n => `Values of unit ${n} over the steps`,
    map: (name, mean) => `${name}: heat-map of all units, mean ${mean}`,
    keys: "Keys: space plays and pauses, ← and → step, Home and End jump.",
    dropped: (n, all) => `The page shows the first ${n} of ${all} steps.`,
    start: "The memory is empty.", nothing: "Nothing to see: the trace has no steps.",
    special: {"<end>": "end", "<unknown>": "?", "<blank>": "blank",
      "<before>": "silence put before the sound", "<after>": "silence put after the sound"}, startToken: "start",
    parts: {model: "", encoder: "Reading:", decoder: "Saying:"},
    apps: {
      write: ["Shakespeare, character by character",
        "The network reads one character a step. What it remembers is in C and h, nothing else; from"
        + " h it guesses the next character, which is its next input."],
      idioms: ["The idiom chain (成语接龙)",
        "Each idiom begins with the last character of the one before. From each character the network"
        + " guesses the next; with every idiom its memory starts empty."],
      translate: ["A date, translated",
        "One LSTM reads the text and says nothing. Its memory, C and h, becomes the start of a second"
        + " one, which says the date. All that crosses over is in these numbers."],
      caption: ["A picture in words",
        "Convolutions turn the picture into a vector, which enters once, with the first step. From"
        + " then on the network must remember what is there and what it has already said."],
      listen: ["Spoken digits",
        "Each step is a short piece of sound. The network says for each which digit it hears, or"
        + " mostly “blank”: no new digit now."],
    },
    maps: {
      f: ["Forget gate", "How much of its memory each unit keeps: 1 all, 0 nothing."],
      i: ["Input gate", "How much of the new candidate is let into the memory."],
      g: ["Candidate", "What might be written to the memory now: more, or less."],
      o: ["Output gate", "How much of the memory is shown to the outside."],
      c: ["Cell state: the memory", "What was kept, and what was let in, added up."],
      h: ["Hidden state", "What the next step sees, and what the guess is made from."],
    },
  },
  zh: {
    kicker: "Runnel · 看它怎样思考",
    language: "English", languageLabel: "Switch to English", light: "浅色", dark: "深色",
    player: "播放", first: "回到开头", back: "后退一步", forward: "前进一步",
    play: "播放", pause: "暂停", step: "步", speed: "速度", slow: "慢", normal: "正常", fast: "快",
    text: "逐步输入的内容", layers: "层",
    given: "给定的", chosen: "模型选出的", now: "正在输入",
    heard: "听到一个数字", again: "还是同一个数字：不再计数", noDigit: "没有新的数字（空白）",
    picture: "输入的图片", wave: "声音波形；点击可跳到该处",
    symbols: [["x<sub>t</sub>", "此刻的输入，用数表示；如果有第 2 层，它的输入就是第 1 层的 h。"],
      ["h<sub>t−1</sub>、C<sub>t−1</sub>", "上一步留下的 h 和 C。"],
      ["W、R、b", "训练学到、之后不变的数：x 和 h 的每个数对一个单元各有多大影响，再加一个起始常数。每个门各有一套。"],
      ["σ、tanh", "把任意数压到一个范围：σ 压到 0 与 1 之间，好比比例；tanh 压到 −1 与 1 之间。"],
      ["⊙", "逐个单元相乘：每个单元都有自己的门。"]],
    next: "接下来是什么？",
    nextNote: "模型自己的概率，只由 h 算出；温度、搜索和游戏规则在这之后才起作用。",
    frameNote: "模型对这一小段声音的概率。连续几段都是同一个数字，只算一次。",
    readingNote: "编码器不说话。它只是阅读，把重要的东西记在 C 和 h 里，解码器就从那里开始。",
    taken: "✓ 选中", goesOn: "给定", enters: "输入：", noNext: "",
    unit: (n, rank) => `单元 ${n}，活跃程度第 ${rank}`,
    unitBack: "更活跃的单元", unitForward: "较不活跃的单元",
    historyNote: "这个单元在当前前后各步的数值。指向下面的格子可看别的单元，点击则固定。",
    inside: "LSTM 内部",
    insideNote: "图中每一格是一个单元，在六幅图里位置相同。越活跃（h 逐步变化越大）的单元越靠前。",
    layer: n => `第 ${n} 层`, mean: v => `平均 ${v}`,
    history: n => `单元 ${n} 各步的数值`,
    map: (name, mean) => `${name}：所有单元的热图，平均 ${mean}`,
    keys: "键盘：空格播放或暂停，← → 单步，Home、End 跳到头尾。",
    dropped: (n, all) => `共 ${all} 步，本页只显示前 ${n} 步。`,
    start: "记忆是空的。", nothing: "没有可看的内容：一步也没有走。",
    special: {"<end>": "结束", "<unknown>": "？", "<blank>": "空白",
      "<before>": "声音前补上的静音", "<after>": "声音后补上的静音"}, startToken: "开始",
    parts: {model: "", encoder: "阅读：", decoder: "说出："},
    apps: {
      write: ["逐字续写莎士比亚",
        "网络每步读一个字符。它记得的一切都在 C 和 h 里；由 h 猜出下一个字符，再作为下一步的输入。"],
      idioms: ["成语接龙",
        "每个成语以前一个成语的末字开头。网络由每个字猜下一个字；每说一个新成语，记忆都从空白开始。"],
      translate: ["翻译日期",
        "一个 LSTM 只阅读，不说话；它的记忆 C 和 h 成为另一个 LSTM 的起点，由后者说出日期。"
        + "传过去的全部内容就是这些数字。"],
      caption: ["看图说话",
        "卷积层把图片变成一个向量，只在第一步输入。此后网络必须自己记住图上有什么、已经说过什么。"],
      listen: ["听写数字",
        "每一步是一小段声音。网络说出听到了哪个数字，大多数时候是“空白”：此刻没有新的数字。"],
    },
    maps: {
      f: ["遗忘门", "每个单元保留多少记忆：1 全部保留，0 全部忘掉。"],
      i: ["输入门", "新的候选内容有多少被写进记忆。"],
      g: ["候选值", "此刻可能写进记忆的内容：增加，或减少。"],
      o: ["输出门", "记忆有多少向外显示。"],
      c: ["细胞状态：记忆", "保留下来的，加上新写进去的。"],
      h: ["隐藏状态", "下一步看到的内容，猜测也由它做出。"],
    },
  },
};

const T = "<sub>t</sub>", BEFORE = "<sub>t−1</sub>";
const gate = (g, name, f) => `${name}${T} = ${f}(W<sub>${g}</sub>x${T} + R<sub>${g}</sub>h${BEFORE}`
  + ` + b<sub>${g}</sub>)`;
const FORMULAS = {
  f: gate("f", "f", "σ"), i: gate("i", "i", "σ"), g: gate("C", "C̃", "tanh"), o: gate("o", "o", "σ"),
  c: `C${T} = f${T} ⊙ C${BEFORE} + i${T} ⊙ C̃${T}`, h: `h${T} = o${T} ⊙ tanh(C${T})`,
};
