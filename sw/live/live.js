"use strict";
// Draws what /events tells, and sends wishes to /wish. Nothing is kept here but what is on the screen.

const WINDOW = 50, SHOWN = 12, OF_CLASS = 20, HOLD = 350;
const $ = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let facts, state = {}, moment = null, recent = [], answers = [], phase = 0, colours = {};

async function wish(name, value) {
  const reply = await fetch("wish", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name, value }),
  }).catch(() => null);
  if (reply && reply.ok) return;
  const why = reply ? (await reply.json()).error : "the program does not answer";
  problem(why);
}

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text || "";
}

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

// The parts that depend on the network, once.
function build() {
  document.title = `${facts.title} · live`;
  $("title").textContent = facts.title;
  $("what").textContent = `${facts.feed} · ${facts.network.replaceAll("-", "–")} on ${facts.target}`;
  facts.classes.forEach((name, number) => {
    const comes = element("input", { type: "checkbox", checked: true, ariaLabel: `samples of ${name} come` });
    comes.onchange = () => {
      const wanted = [...document.querySelectorAll("#rows input")].flatMap((box, at) => (box.checked ? [at] : []));
      if (wanted.length) wish("classes", wanted);
      else comes.checked = true;
    };
    const teach = element("button", { type: "button", textContent: "teach", title: `this sample is ${name}: learn it (hold it for all that come)` });
    let hold = null; // a click teaches this sample; a button that is held teaches all that come meanwhile
    teach.onclick = () => {
      if (hold === "held") { hold = null; return; }
      wish("teach", number);
      row.classList.add("taught");
      setTimeout(() => row.classList.remove("taught"), 400);
    };
    teach.onpointerdown = () => {
      hold = setTimeout(() => { hold = "held"; wish("teacher", number); }, HOLD);
    };
    teach.onpointerup = teach.onpointerleave = teach.onpointercancel = (event) => {
      if (hold === "held") { wish("teacher", null); if (event.type !== "pointerup") hold = null; }
      else clearTimeout(hold);
    };
    const bar = element("div", { className: "bar" }, element("i"));
    const row = element("tr", {},
      element("td", { hidden: !facts.labelled }, comes),
      element("td", { className: "name", textContent: name, title: name }),
      element("td", { className: "wide" }, bar),
      element("td", { className: "share" }),
      element("td", {}, teach));
    $("rows").append(row);
  });
  $("comes").hidden = !facts.labelled;
  $("shift").hidden = !facts.map;
  $("polarities").hidden = !facts.map || facts.map[0] !== 2;
  $("learning").disabled = !facts.labelled;
  if (!facts.labelled) $("learning").title = "these samples have no labels: teach them by hand";
  for (const id of ["over-time", "of-50", "right"]) $(id).hidden = !facts.labelled;
  for (const layer of facts.layers) {
    const canvas = element("canvas", { ariaLabel: "spikes" });
    canvas.setAttribute("role", "img");
    if (!layer.map) canvas.style.height = `${Math.max(60, Math.min(220, layer.lines * 2))}px`;
    let shared = layer.lines < layer.neurons ? `, ${layer.lines} lines` : "";
    if (layer.map) shared = `: ${layer.map[0]} maps of ${layer.map[1]} x ${layer.map[2]}, the darker the more steps`;
    canvas.className = layer.map ? "" : "raster";
    const title = element("h3", { textContent: `layer ${$("rasters").childElementCount / 2}, ${layer.neurons.toLocaleString("en")} neurons${shared}` });
    $("rasters").append(title, canvas);
  }
  if (!facts.layers.length) $("spikes").hidden = true;
  $("spikes-note").hidden = facts.layers.every((layer) => layer.map);
}

function listen() {
  $("pause").onclick = () => wish("paused", !state.paused);
  $("step").onclick = () => wish("step");
  $("learning").onclick = () => wish("learning", !state.learning);
  $("pace").onchange = () => wish("pace", Math.min(50, Math.max(0.1, 10 ** +$("pace").value)));
  $("rate").onchange = () => wish("rate", +$("rate").value);
  for (const button of document.querySelectorAll("#shift button"))
    button.onclick = () => {
      const { x, y } = button.dataset;
      wish("shift", x === "home" ? [0, 0] : [state.shift[0] + +x, state.shift[1] + +y]);
    };
  document.onkeydown = (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "l" && facts.labelled) wish("learning", !state.learning);
    if (event.key === "p") wish("paused", !state.paused);
    if (/^[0-9]$/.test(event.key) && +event.key < facts.classes.length) wish("teach", +event.key);
  };
  window.onresize = () => draw();
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { palette(); draw(); };
}

function palette() {
  for (const name of ["ink", "soft", "rule", "wash", "a", "b", "good", "learn", "band"]) colours[name] = style(`--${name}`);
}

// What the program says of itself.
function onState(now) {
  state = now;
  $("pause").textContent = state.paused ? "Go on" : "Pause";
  $("step").disabled = !state.paused;
  $("learning").setAttribute("aria-checked", state.learning);
  $("learning").querySelector("b").textContent = state.learning ? "on" : "off";
  $("pace").value = Math.log10(state.pace);
  $("pace-is").textContent = facts.seconds ? `${+state.pace.toPrecision(2)} × real time` : `${+state.pace.toPrecision(2)} samples/s`;
  $("rate").value = state.rate;
  $("rate-is").textContent = `× ${state.rate.toFixed(2)}`;
  $("shift-is").textContent = state.shift[0] || state.shift[1] ? `${state.shift[0]}, ${state.shift[1]} px` : "in place";
  [...$("rows").children].forEach((row, at) => row.classList.toggle("held", at === state.teacher));
  document.querySelectorAll("#rows input").forEach((box, at) => { box.checked = state.classes.includes(at); });
  $("learned").textContent = state.learned.toLocaleString("en");
  problem(state.error);
}

function onMoment(now) {
  moment = now;
  phase = 0;
  recent.push(now);
  if (recent.length > SHOWN) recent.shift();
  answers.push([now.number, now.label, now.prediction, now.learned !== null]);
  showAnswer();
  draw();
}

function share(list) {
  return list.length ? list.filter((a) => a[1] === a[2]).length / list.length : null;
}

const percent = (value) => (value === null ? "–" : `${Math.round(100 * value)}%`);

function showAnswer() {
  const { label, prediction, scores } = moment, names = facts.classes;
  const low = Math.min(0, ...scores), high = Math.max(...scores, low + 1e-9);
  $("seen").textContent = moment.number.toLocaleString("en");
  $("accuracy").textContent = percent(share(answers.filter((a) => a[1] !== null).slice(-WINDOW)));
  $("key").textContent = `${moment.key}${moment.shift[0] || moment.shift[1] ? ", sensor moved" : ""}`;
  const said = element("b", { textContent: names[prediction] });
  if (label !== null) said.className = label === prediction ? "right" : "wrong";
  const tail = label === null ? "" : label === prediction ? ", which is right" : `, but it is ${names[label]}`;
  $("verdict").replaceChildren("It says ", said, tail + (moment.learned === null ? "" : `; learned as ${names[moment.learned]}`));
  [...$("rows").children].forEach((row, number) => {
    row.classList.toggle("answer", number === prediction);
    row.classList.toggle("label", number === label);
    row.querySelector(".bar i").style.width = `${100 * (scores[number] - low) / (high - low)}%`;
    const own = answers.filter((a) => a[1] === number).slice(-OF_CLASS);
    row.querySelector(".share").textContent = facts.labelled ? percent(share(own)) : "";
    row.querySelector(".share").title = `of the last ${own.length} of this class`;
  });
}

function prepare(canvas, wide, high) {
  const scale = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(wide * scale)), h = Math.max(1, Math.round(high * scale));
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const g = canvas.getContext("2d");
  g.setTransform(scale, 0, 0, scale, 0, 0);
  g.clearRect(0, 0, wide, high);
  return g;
}

function draw() {
  if (!moment) return;
  drawFrame();
  drawSteps();
  drawRasters();
  drawCurve();
}

// All events of the sample faintly, those of the step strongly.
function drawFrame() {
  const canvas = $("frame"), wide = canvas.clientWidth;
  const [channels, rows, columns] = facts.map || [1, Math.ceil(facts.inputs / 32), 32];
  const cell = wide / columns, high = Math.round(cell * rows);
  canvas.style.height = `${high}px`;
  const g = prepare(canvas, wide, high);
  const paint = (inputs, alpha) => {
    g.globalAlpha = alpha;
    for (const input of inputs) {
      const place = input % (rows * columns), channel = Math.floor(input / (rows * columns));
      g.fillStyle = channels === 2 && channel === 0 ? colours.a : colours.b;
      g.fillRect((place % columns) * cell, Math.floor(place / columns) * cell, Math.max(1, cell - 0.5), Math.max(1, cell - 0.5));
    }
  };
  for (const frame of moment.frames) paint(frame, 0.12);
  paint(moment.frames[phase % moment.frames.length], 0.95);
  g.globalAlpha = 1;
  const total = moment.frames.reduce((sum, frame) => sum + frame.length, 0);
  canvas.setAttribute("aria-label", `${total} input events in ${moment.frames.length} steps`);
}

function drawSteps() {
  const counts = moment.frames.map((frame) => frame.length), most = Math.max(1, ...counts), list = $("steps");
  while (list.children.length < counts.length) list.append(element("li"));
  while (list.children.length > counts.length) list.lastChild.remove();
  counts.forEach((count, at) => {
    list.children[at].style.height = `${100 * count / most}%`;
    list.children[at].classList.toggle("now", at === phase % counts.length);
  });
}

function drawRasters() {
  [...$("rasters").querySelectorAll("canvas")].forEach((canvas, layer) => {
    if (facts.layers[layer].map) return drawMaps(canvas, layer);
    const wide = canvas.clientWidth, high = canvas.clientHeight, g = prepare(canvas, wide, high);
    const steps = recent.at(-1).frames.length, step = wide / (steps * SHOWN), line = high / facts.layers[layer].lines;
    let count = 0;
    recent.forEach((shown, at) => {
      const left = (SHOWN - recent.length + at) * steps * step;
      if (at % 2) { g.fillStyle = colours.band; g.fillRect(left, 0, steps * step, high); }
      g.fillStyle = at === recent.length - 1 ? colours.b : colours.a;
      shown.spikes[layer].forEach((fired, t) => {
        for (const neuron of fired) g.fillRect(left + t * step, neuron * line, Math.max(1, step * 0.7), Math.max(1, line * 0.9));
        if (at === recent.length - 1) count += fired.length;
      });
    });
    canvas.setAttribute("aria-label", `layer ${layer}: ${count} spikes in the newest sample`);
  });
}

// A picture for each channel of a map: how many steps of the newest sample a pixel fired in.
function drawMaps(canvas, layer) {
  const [channels, rows, columns] = facts.layers[layer].map, steps = moment.frames.length;
  const counts = Uint8Array.from(atob(moment.maps[layer]), (c) => c.charCodeAt(0));
  const across = Math.min(channels, 8), wide = canvas.clientWidth, tile = wide / across, cell = (tile - 3) / columns;
  const high = Math.ceil(channels / across) * (cell * rows + 3);
  canvas.style.height = `${high}px`;
  const g = prepare(canvas, wide, high);
  let total = 0;
  for (let c = 0; c < channels; c++) {
    const left = (c % across) * tile, top = Math.floor(c / across) * (cell * rows + 3);
    g.globalAlpha = 1;
    g.fillStyle = colours.wash;
    g.fillRect(left, top, tile - 3, cell * rows);
    g.fillStyle = colours.a;
    for (let p = 0; p < rows * columns; p++) {
      const count = counts[c * rows * columns + p];
      if (!count) continue;
      total += count;
      g.globalAlpha = 0.15 + 0.85 * Math.min(1, count / steps);
      g.fillRect(left + (p % columns) * cell, top + Math.floor(p / columns) * cell, cell + 0.3, cell + 0.3);
    }
  }
  g.globalAlpha = 1;
  canvas.setAttribute("aria-label", `layer ${layer}: ${total} spikes in the newest sample`);
}

function drawCurve() {
  if (!facts.labelled) return;
  const canvas = $("curve"), wide = canvas.clientWidth, high = canvas.clientHeight, g = prepare(canvas, wide, high);
  const left = 38, bottom = 20, right = 8, top = 6, known = answers.filter((a) => a[1] !== null);
  const first = known.length ? known[0][0] : 0, last = Math.max(first + 100, known.length ? known.at(-1)[0] : 0);
  const x = (n) => left + (wide - left - right) * (n - first) / (last - first);
  const y = (v) => top + (high - top - bottom) * (1 - v);
  g.fillStyle = colours.learn;
  for (let at = 0; at < known.length; at++) {
    if (!known[at][3]) continue;
    const start = at;
    while (at + 1 < known.length && known[at + 1][3]) at++;
    g.fillRect(x(known[start][0] - 0.5), top, Math.max(1, x(known[at][0] + 0.5) - x(known[start][0] - 0.5)), high - top - bottom);
  }
  g.font = "12px system-ui, sans-serif";
  g.strokeStyle = colours.rule;
  g.lineWidth = 1;
  for (const level of [0, 0.25, 0.5, 0.75, 1]) {
    g.beginPath(); g.moveTo(left, y(level)); g.lineTo(wide - right, y(level)); g.stroke();
    g.fillStyle = colours.soft; g.textAlign = "right"; g.textBaseline = "middle";
    if (level * 2 === Math.round(level * 2)) g.fillText(`${level * 100}%`, left - 6, y(level));
  }
  g.textBaseline = "top"; g.textAlign = "left";
  g.fillText(`sample ${first}`, left, high - bottom + 5);
  g.textAlign = "right";
  g.fillText(`${last}`, wide - right, high - bottom + 5);
  g.strokeStyle = colours.a;
  g.lineWidth = 2;
  g.lineJoin = "round";
  g.beginPath();
  let sum = 0;
  known.forEach((answer, at) => {
    sum += answer[1] === answer[2];
    if (at >= WINDOW) sum -= known[at - WINDOW][1] === known[at - WINDOW][2];
    const seen = Math.min(at + 1, WINDOW);
    if (seen < 5) return;
    at === 4 ? g.moveTo(x(answer[0]), y(sum / seen)) : g.lineTo(x(answer[0]), y(sum / seen));
  });
  g.stroke();
  canvas.setAttribute("aria-label", `accuracy of the last ${WINDOW} samples: ${$("accuracy").textContent}`);
}

async function start() {
  palette();
  facts = await (await fetch("facts")).json();
  build();
  listen();
  const events = new EventSource("events");
  events.addEventListener("history", (event) => {
    answers = JSON.parse(event.data);
    answers.pop(); // the newest comes again as a moment
    recent = [];
  });
  events.addEventListener("state", (event) => onState(JSON.parse(event.data)));
  events.addEventListener("moment", (event) => onMoment(JSON.parse(event.data)));
  events.onerror = () => problem("the program does not answer: it was stopped, or is busy");
  setInterval(() => {
    if (!moment || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    phase += 1;
    drawFrame();
    drawSteps();
  }, 90);
}

start();
