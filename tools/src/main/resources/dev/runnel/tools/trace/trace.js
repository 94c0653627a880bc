const DATA = JSON.parse(document.getElementById("data").textContent);
const MAPS = ["f", "i", "g", "o", "c", "h"];
const SYMBOLS = {f: "f", i: "i", g: "C̃", o: "o", c: "C", h: "h"};
const SIGNED = new Set(["g", "c", "h"]);
const at = id => document.getElementById(id);
const root = document.documentElement;
const FRAMES = DATA.app === "listen"; // pieces of sound enter, and what is heard is not fed back
const WORDED = DATA.app === "caption"; // tokens are words

// ---- the data

const bytes = base64 => Uint8Array.from(atob(base64), c => c.charCodeAt(0));
function shorts(buffer) {
  const view = new DataView(buffer);
  return Int16Array.from({length: buffer.byteLength / 2}, (_, k) => view.getInt16(2 * k, true));
}
const PEAKS = DATA.sound ? bytes(DATA.sound) : null; // some for each step, 255 is the loudest
for (const part of DATA.parts) {
  part.count = 0;
  for (const layer of part.layers) {
    for (const key of [...MAPS, "start"]) {
      layer[key] = key === "c" || key === "start" ? shorts(bytes(layer[key]).buffer)
        : SIGNED.has(key) ? new Int8Array(bytes(layer[key]).buffer) : bytes(layer[key]);
    }
  }
}
for (const step of DATA.steps) {
  step.at = DATA.parts[step.part].count++; // where in its part
}

function value(layer, key, t, n) {
  const v = layer[key][t * layer.units.length + n];
  return key === "c" ? v / 32767 * layer.most : SIGNED.has(key) ? v / 127 : v / 255;
}

// C before the step.
function cellBefore(layer, step, n) {
  if (step.at === 0) {
    return layer.start[n] / 32767 * layer.most;
  }
  return step.start ? 0 : value(layer, "c", step.at - 1, n);
}

// ---- what is shown

const hash = new URLSearchParams(location.hash.slice(1)); // #step=5&unit=2&layer=1&lang=zh&theme=dark
const number = (key, most) => Math.min(Math.max(0, parseInt(hash.get(key), 10) || 0), most);
const LAST = DATA.steps.length - 1;
const now = {
  step: number("step", Math.max(0, LAST)),
  layer: number("layer", 99),
  pinned: number("unit", 99999), // place, the most active first
  hover: -1,
  language: hash.get("lang") || (/^zh/i.test(navigator.language) ? "zh" : "en"),
  theme: hash.get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
  timer: 0,
};
if (!WORDS[now.language]) {
  now.language = "en";
}
const words = () => WORDS[now.language];
const current = () => DATA.steps[now.step];
const layers = () => DATA.parts[current().part].layers;
const layer = () => layers()[Math.min(now.layer, layers().length - 1)];
const unit = () => Math.min(now.hover >= 0 ? now.hover : now.pinned, layer().units.length - 1);
const round = (v, digits = 2) => v.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "−");

function shown(token, isStart) {
  if (token === "<end>" && isStart) {
    return words().startToken;
  }
  return words().special[token] || token.replace(/\n/g, "⏎").replace(/^ +$/, s => "␣".repeat(s.length));
}

// ---- words and colours

function speak() {
  const w = words();
  root.lang = now.language === "zh" ? "zh-Hans" : "en";
  document.querySelectorAll("[data-word]").forEach(e => { e.textContent = w[e.dataset.word]; });
  document.querySelectorAll("[data-label]").forEach(e => {
    e.setAttribute("aria-label", w[e.dataset.label]);
    if (e.tagName === "BUTTON") {
      e.title = w[e.dataset.label];
    }
  });
  const [title, lead] = w.apps[DATA.app] || [DATA.app, ""];
  at("title").textContent = title;
  document.title = `${title} · Runnel`;
  at("subject").textContent = DATA.subject;
  at("lead").textContent = lead;
  document.querySelectorAll(".legend").forEach(e => {
    e.hidden = e.classList.contains("frames") !== FRAMES;
  });
  at("symbols").innerHTML = w.symbols.map(([name, says]) => `<dt>${name}</dt><dd>${says}</dd>`).join("");
  at("picture").alt = w.picture;
  at("wave").setAttribute("aria-label", w.wave);
  at("language").textContent = w.language;
  at("language").setAttribute("aria-label", w.languageLabel);
  at("dropped").textContent = DATA.dropped ? w.dropped(LAST + 1, LAST + 1 + DATA.dropped) : "";
  layText();
  layMaps();
}

let colours = {};
function paint() {
  root.dataset.theme = now.theme;
  const style = getComputedStyle(root);
  const names = ["low", "high", "minus", "zero", "plus", "ink", "soft", "line", "mark", "accent"];
  colours = Object.fromEntries(names.map(n => [n, style.getPropertyValue("--" + n).trim()]));
  const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  const between = (a, b) => {
    const [p, q] = [rgb(a), rgb(b)];
    return x => `rgb(${p.map((v, k) => Math.round(v + (q[k] - v) * x)).join()})`;
  };
  const [up, less, more] = [between(colours.low, colours.high), between(colours.zero, colours.minus),
    between(colours.zero, colours.plus)];
  colours.gate = up;
  // Most values are small: the root shows them, too.
  colours.signed = v => (v < 0 ? less : more)(Math.sqrt(Math.min(1, Math.abs(v))));
}

// ---- the text

function layText() {
  const text = at("text");
  text.textContent = "";
  DATA.steps.forEach((step, t) => {
    if (step.start && t > 0) {
      const gap = document.createElement("span");
      gap.className = "stream";
      text.append(gap);
    }
    const label = !FRAMES ? shown(step.fed, step.start)
      : step.next === "<blank>" ? "·" : shown(step.next);
    const span = document.createElement("span");
    span.className = "token" + (FRAMES ? heardClass(t) : (step.given ? " given" : "")
      + (label.length > 1 || WORDED ? " word" : "") + (step.fed in words().special ? " special" : ""));
    span.textContent = step.fed === " " ? " " : label;
    span.dataset.step = t;
    text.append(span);
    if (step.fed === "\n") {
      text.append(document.createElement("br"));
    }
  });
}

// A digit counts where it begins.
function heardClass(t) {
  const [digit, before] = [DATA.steps[t].next, t > 0 ? DATA.steps[t - 1].next : ""];
  return digit === "<blank>" ? "" : digit === before ? " again" : " heard";
}

function markText() {
  const text = at("text");
  text.querySelectorAll(".now").forEach(e => e.classList.remove("now"));
  const span = text.querySelector(`[data-step="${now.step}"]`);
  span.classList.add("now");
  if (span.offsetTop < text.scrollTop
      || span.offsetTop + span.offsetHeight > text.scrollTop + text.clientHeight) {
    text.scrollTop = span.offsetTop - text.clientHeight / 2;
  }
}

// ---- the choices

function showChoices() {
  const [w, step] = [words(), current()];
  const following = DATA.steps[now.step + 1];
  const goesOn = following && following.given && !following.start && !FRAMES;
  at("phase").textContent = w.parts[DATA.parts[step.part].name] || w.enters;
  at("fed").textContent = shown(step.fed, step.start);
  const said = step.next !== undefined && step.top.length > 0;
  at("arrow").textContent = said ? "→" : "";
  at("chosen").textContent = said ? shown(step.next) : "";
  at("choiceNote").textContent = FRAMES ? w.frameNote : step.top.length ? w.nextNote : w.readingNote;
  const list = at("choices");
  list.textContent = "";
  for (const [token, p] of step.top) {
    const [item, name, bar, fill, share] =
      ["li", "span", "span", "i", "span"].map(tag => document.createElement(tag));
    const taken = said && token === step.next;
    item.className = taken ? "taken" : "";
    name.className = "name";
    name.textContent = shown(token);
    bar.className = "bar";
    fill.style.width = `${p * 100}%`;
    bar.append(fill);
    share.className = "share";
    share.textContent = `${(p * 100).toFixed(1)} %` + (taken ? " " + (goesOn ? w.goesOn : w.taken) : "");
    item.append(name, bar, share);
    list.append(item);
  }
}

// ---- everything

function showLayers() {
  const box = at("layers");
  box.textContent = "";
  if (layers().length > 1) {
    layers().forEach((l, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words().layer(k + 1);
      button.setAttribute("aria-pressed", l === layer());
      button.addEventListener("click", () => {
        now.layer = k;
        show();
        at("layers").children[k].focus();
      });
      box.append(button);
    });
  }
}

function show() {
  const playing = now.timer !== 0;
  at("play").textContent = playing ? words().pause : words().play;
  at("theme").textContent = now.theme === "dark" ? words().light : words().dark;
  at("slider").value = now.step;
  at("count").textContent = `${now.step + 1} / ${LAST + 1}`;
  at("first").disabled = at("back").disabled = now.step === 0;
  at("forward").disabled = now.step === LAST;
  markText();
  showChoices();
  showLayers();
  showUnit();
  drawWave();
}

function go(step) {
  now.step = Math.min(Math.max(0, step), LAST);
  show();
}

function pause() {
  clearTimeout(now.timer);
  now.timer = 0;
  show();
}

function play() {
  if (now.step === LAST) {
    now.step = 0;
  }
  const tick = () => {
    now.timer = setTimeout(() => {
      go(now.step + 1);
      if (now.step === LAST) {
        pause();
      } else {
        tick();
      }
    }, Number(at("speed").value));
  };
  tick();
  show();
}

const toggle = () => (now.timer ? pause() : play());

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /SELECT/.test(event.target.tagName)) {
    return;
  }
  const own = event.target === at("slider");
  const moves = {ArrowLeft: now.step - 1, ArrowRight: now.step + 1, Home: 0, End: LAST};
  if (event.key in moves && !own) {
    event.preventDefault();
    go(moves[event.key]);
  } else if (event.key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    toggle();
  }
}

function begin() {
  if (LAST < 0) {
    document.querySelector("main").textContent = words().nothing;
    return;
  }
  at("slider").max = LAST;
  at("slider").addEventListener("input", e => go(Number(e.target.value)));
  at("first").addEventListener("click", () => go(0));
  at("back").addEventListener("click", () => go(now.step - 1));
  at("forward").addEventListener("click", () => go(now.step + 1));
  at("play").addEventListener("click", toggle);
  at("unitBack").addEventListener("click", () => { now.pinned = unit() - 1; show(); });
  at("unitForward").addEventListener("click", () => { now.pinned = unit() + 1; show(); });
  if (DATA.picture) {
    at("picture").src = DATA.picture;
    at("image").hidden = false;
  }
  at("wave").hidden = !PEAKS;
  at("wave").addEventListener("click", e => go(Math.floor(e.offsetX / at("wave").clientWidth * (LAST + 1))));
  if (WORDED) {
    document.querySelectorAll(".legend .token").forEach(e => e.classList.add("word"));
  }
  at("text").addEventListener("click", e => {
    if (e.target.dataset.step) {
      go(Number(e.target.dataset.step));
    }
  });
  at("language").addEventListener("click", () => {
    now.language = now.language === "zh" ? "en" : "zh";
    speak();
    show();
  });
  at("theme").addEventListener("click", () => {
    now.theme = now.theme === "dark" ? "light" : "dark";
    paint();
    show();
  });
  document.addEventListener("keydown", onKey);
  addEventListener("resize", () => { showUnit(); drawWave(); });
  paint();
  speak();
  show();
}

begin();
