// ---- the maps

function layMaps() {
  const maps = at("maps");
  maps.textContent = "";
  for (const key of MAPS) {
    const [name, says] = words().maps[key];
    const card = document.createElement("section");
    card.className = "card";
    card.innerHTML = `<h3><span>${name}</span><span class="mean"></span></h3>
      <p class="formula">${FORMULAS[key]}</p><p class="says">${says}</p>
      <canvas role="img" data-map="${key}"></canvas>
      <p class="scale"><span class="least"></span><i class="${SIGNED.has(key) ? "signed" : "gate"}"></i
      ><span class="most"></span></p>`;
    maps.append(card);
    const canvas = card.querySelector("canvas");
    canvas.addEventListener("pointermove", e => point(canvas, e));
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("click", e => {
      const n = unitAt(canvas, e);
      if (n >= 0) {
        now.pinned = n;
        show();
      }
    });
  }
}

const columns = () => Math.min(32, Math.ceil(Math.sqrt(layer().units.length * 2)));

function sized(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const g = canvas.getContext("2d");
  g.scale(scale, scale);
  return g;
}

function drawMap(canvas) {
  const [key, l, t, cols] = [canvas.dataset.map, layer(), current().at, columns()];
  const count = l.units.length;
  const width = canvas.clientWidth;
  const size = width / cols;
  const gap = size > 6 ? 1 : 0;
  const g = sized(canvas, width, Math.ceil(count / cols) * size + 1);
  const most = key === "c" ? l.most : 1;
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const v = value(l, key, t, n);
    sum += v;
    g.fillStyle = SIGNED.has(key) ? colours.signed(v / most) : colours.gate(v);
    g.fillRect(n % cols * size, Math.floor(n / cols) * size, size - gap, size - gap);
  }
  const n = unit();
  g.strokeStyle = colours.ink;
  g.lineWidth = 2;
  g.strokeRect(n % cols * size - gap / 2 + 0.5, Math.floor(n / cols) * size + 0.5, size - 1, size - 1);
  const card = canvas.parentElement;
  const mean = round(sum / count);
  card.querySelector(".mean").textContent = words().mean(mean);
  card.querySelector(".least").textContent = SIGNED.has(key) ? "−" + round(most, 1) : "0";
  card.querySelector(".most").textContent = SIGNED.has(key) ? round(most, 1) : "1";
  canvas.setAttribute("aria-label", words().map(words().maps[key][0], mean));
}

function unitAt(canvas, event) {
  const size = canvas.clientWidth / columns();
  const column = Math.floor(event.offsetX / size);
  const n = Math.floor(event.offsetY / size) * columns() + column;
  return column >= 0 && column < columns() && n >= 0 && n < layer().units.length ? n : -1;
}

function point(canvas, event) {
  const n = unitAt(canvas, event);
  const tip = at("tip");
  tip.hidden = n < 0;
  if (n >= 0) {
    const key = canvas.dataset.map;
    tip.textContent = `${layer().units[n]}: ${SYMBOLS[key]} = ${round(value(layer(), key, current().at, n))}`;
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }
  if (n !== now.hover) {
    now.hover = n;
    showUnit();
  }
}

function leave() {
  now.hover = -1;
  at("tip").hidden = true;
  showUnit();
}

// ---- one unit

function showUnit() {
  const [l, step, n, w] = [layer(), current(), unit(), words()];
  const v = Object.fromEntries(MAPS.map(key => [key, round(value(l, key, step.at, n))]));
  const before = round(cellBefore(l, step, n));
  at("unitName").textContent = w.unit(l.units[n], n + 1);
  at("cellSum").innerHTML = `<span class="formula">${FORMULAS.c}</span>
    <span class="numbers">${v.f} × ${before} + ${v.i} × ${v.g} ≈ <b>${v.c}</b></span>`;
  at("hiddenSum").innerHTML = `<span class="formula">${FORMULAS.h}</span>
    <span class="numbers">${v.o} × tanh(${v.c}) ≈ <b>${v.h}</b></span>`;
  at("unitBack").disabled = n === 0;
  at("unitForward").disabled = n === l.units.length - 1;
  drawHistory(l, step, n);
  document.querySelectorAll("#maps canvas").forEach(drawMap);
}

// A line for each of the six, over the steps around now.
function drawHistory(l, step, n) {
  const canvas = at("history");
  const [width, row, left] = [canvas.clientWidth, 32, 26];
  const g = sized(canvas, width, row * MAPS.length);
  const count = DATA.parts[step.part].count;
  const span = Math.min(count, 60);
  const first = Math.max(0, Math.min(step.at - Math.floor(span / 2), count - span));
  const x = t => left + 4 + (t - first) * (width - left - 10) / Math.max(1, span - 1);
  g.font = "italic 15px Georgia, serif";
  g.textBaseline = "middle";
  MAPS.forEach((key, k) => {
    const [top, bottom] = [k * row + 4, (k + 1) * row - 4];
    let most = 1; // C goes beyond; so much of it that its line fills its row
    for (let t = first; key === "c" && t < first + span; t++) {
      most = Math.max(most, Math.abs(value(l, key, t, n)));
    }
    const y = v => SIGNED.has(key)
      ? (top + bottom) / 2 - v / most * (bottom - top) / 2 : bottom - v * (bottom - top);
    g.fillStyle = colours.soft;
    g.fillText(SYMBOLS[key], 4, (top + bottom) / 2);
    g.strokeStyle = colours.line;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(left, Math.round(y(0)) + 0.5);
    g.lineTo(width, Math.round(y(0)) + 0.5);
    g.stroke();
    g.strokeStyle = colours.accent;
    g.lineWidth = 1.5;
    g.beginPath();
    for (let t = first; t < first + span; t++) {
      g.lineTo(x(t), y(value(l, key, t, n)));
    }
    g.stroke();
    g.fillStyle = colours.mark;
    g.beginPath();
    g.arc(x(step.at), y(value(l, key, step.at, n)), 3.5, 0, 7);
    g.fill();
  });
  g.strokeStyle = colours.mark;
  g.globalAlpha = 0.5;
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(x(step.at), 0);
  g.lineTo(x(step.at), row * MAPS.length);
  g.stroke();
  canvas.setAttribute("aria-label", words().history(l.units[n]));
}

// ---- the sound

// The waveform, what enters now, and each digit where it is heard.
function drawWave() {
  if (!PEAKS) {
    return;
  }
  const canvas = at("wave");
  const [width, height] = [canvas.clientWidth, 72];
  const g = sized(canvas, width, height);
  const [count, middle] = [DATA.steps.length, (height - 18) / 2];
  const x = t => t / count * width;
  g.fillStyle = colours.mark;
  g.globalAlpha = 0.3;
  g.fillRect(x(now.step), 0, Math.max(2, x(1)), height);
  g.globalAlpha = 1;
  g.fillStyle = colours.soft;
  PEAKS.forEach((peak, n) => {
    const high = Math.max(0.5, peak / 255 * middle);
    g.fillRect(n / PEAKS.length * width, middle - high, Math.max(0.7, width / PEAKS.length - 0.3), 2 * high);
  });
  g.font = "bold 14px system-ui, sans-serif";
  g.textAlign = "center";
  g.textBaseline = "bottom";
  DATA.steps.forEach((step, t) => {
    if (heardClass(t) === " heard") {
      g.fillStyle = t === now.step ? colours.mark : colours.accent;
      g.fillText(step.next, x(t + 0.5), height);
    }
  });
}
