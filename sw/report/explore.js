"use strict";
// Draws the samples of #samples-data: one is picked, a slider goes through its steps. 0 is all steps together.
(() => {
  const $ = (id) => document.getElementById(id);
  const facts = JSON.parse($("samples-data").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  // 1 for each value of each step.
  const unpack = (text, steps) => {
    const packed = bytes(text), line = packed.length / steps;
    return Array.from({ length: steps }, (_, t) => {
      const values = new Uint8Array(line * 8);
      for (let i = 0; i < values.length; i++) values[i] = packed[t * line + (i >> 3)] >> (7 - (i & 7)) & 1;
      return values;
    });
  };
  const samples = facts.samples.map((sample) => ({
    ...sample, frames: unpack(sample.frames, sample.steps), spikes: sample.spikes.map((s) => unpack(s, sample.steps)),
  }));
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let sample = samples[0], timer = null;

  samples.forEach((one, at) => {
    const right = one.label === one.prediction;
    const says = right ? "right" : `taken for ${facts.classes[one.prediction]}`;
    $("pick").append(new Option(`${facts.classes[one.label]}, ${says} (${one.key})`, at));
  });
  facts.classes.forEach((name, number) => {
    const row = document.createElement("div"), label = document.createElement("span"), bar = document.createElement("i");
    label.textContent = name;
    row.append(label, bar, document.createElement("b"));
    row.dataset.number = number;
    $("scores").append(row);
  });

  const shown = () => { // steps that are shown, from, to
    const step = +$("step").value;
    return step ? [step - 1, step] : [0, sample.steps];
  };
  const sums = (steps, [from, to]) => {
    const total = new Float32Array(steps[0].length);
    for (let t = from; t < to; t++) for (let i = 0; i < total.length; i++) total[i] += steps[t][i];
    return total;
  };

  function canvas(id, columns, rows, gaps) {
    const it = $(id), wide = it.clientWidth || 300, scale = window.devicePixelRatio || 1;
    const cell = Math.max(0.5, Math.min(gaps ? 24 : 99, wide / columns));
    it.style.height = `${Math.round(cell * rows)}px`;
    it.width = Math.round(wide * scale);
    it.height = Math.round(cell * rows * scale);
    const g = it.getContext("2d");
    g.scale(scale, scale);
    return [g, cell, it];
  }

  function drawInput(range) {
    const [channels, rows, columns] = facts.input || [1, Math.ceil(facts.inputs / 32), 32];
    const total = sums(sample.frames, range), span = range[1] - range[0], pixels = rows * columns;
    const [g, cell, it] = canvas("explore-input", columns, rows, false);
    let count = 0;
    for (let i = 0; i < facts.inputs; i++) {
      if (!total[i]) continue;
      count += total[i];
      const place = i % pixels;
      g.globalAlpha = 0.25 + 0.75 * Math.min(1, total[i] / span) * (channels === 2 ? 0.8 : 1);
      g.fillStyle = channels === 2 && i < pixels ? colour("--a") : colour("--b");
      g.fillRect((place % columns) * cell, Math.floor(place / columns) * cell, Math.max(cell - 0.4, 1), Math.max(cell - 0.4, 1));
    }
    it.setAttribute("aria-label", `${count} input spikes`);
  }

  // A flat layer: its neurons in lines. A map: a picture for each channel.
  function drawLayer(layer, range) {
    const [channels, height, width] = facts.layers[layer], flat = height * width === 1;
    const across = flat ? Math.ceil(Math.sqrt(channels * 3)) : Math.ceil(Math.sqrt(channels * 2));
    const columns = flat ? across : across * (width + 1) - 1;
    const lines = Math.ceil(channels / across), rows = flat ? lines : lines * (height + 1) - 1;
    const total = sums(sample.spikes[layer], range), span = range[1] - range[0];
    const [g, cell, it] = canvas(`explore-${layer}`, columns, rows, flat);
    const gap = cell > 4 ? 1 : 0;
    let count = 0;
    g.fillStyle = colour("--wash");
    for (let c = 0; c < channels; c++) {
      const x = (c % across) * (flat ? 1 : width + 1), y = Math.floor(c / across) * (flat ? 1 : height + 1);
      g.fillRect(x * cell, y * cell, (flat ? 1 : width) * cell - gap, (flat ? 1 : height) * cell - gap);
    }
    g.fillStyle = colour("--a");
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < height * width; p++) {
        const fired = total[c * height * width + p];
        if (!fired) continue;
        count += fired;
        const x = (c % across) * (flat ? 1 : width + 1) + p % width;
        const y = Math.floor(c / across) * (flat ? 1 : height + 1) + Math.floor(p / width);
        g.globalAlpha = 0.15 + 0.85 * fired / span;
        g.fillRect(x * cell, y * cell, Math.max(cell - gap, 0.5), Math.max(cell - gap, 0.5));
      }
    it.setAttribute("aria-label", `layer ${layer}: ${count} spikes`);
  }

  function drawScores(range) {
    const scores = sample.scores[range[1] - 1], every = sample.scores.flat();
    const low = Math.min(0, ...every), high = Math.max(0, ...every), best = scores.indexOf(Math.max(...scores));
    for (const row of $("scores").children) {
      const number = +row.dataset.number, score = scores[number], bar = row.children[1];
      bar.style.marginLeft = `${100 * (Math.min(score, 0) - low) / (high - low || 1)}%`;
      bar.style.width = `${100 * Math.abs(score) / (high - low || 1)}%`;
      row.children[2].textContent = score.toFixed(2);
      row.className = number === best ? (number === sample.label ? "right" : "wrong") : number === sample.label ? "own" : "";
    }
  }

  function draw() {
    const range = shown();
    $("step-is").textContent = +$("step").value ? `${range[1]} of ${sample.steps}` : "all";
    const right = sample.label === sample.prediction;
    $("explore-says").textContent = `${sample.key}: class ${facts.classes[sample.label]}, ` +
      (right ? "right" : `taken for ${facts.classes[sample.prediction]}`);
    drawInput(range);
    facts.layers.forEach((_, layer) => drawLayer(layer, range));
    drawScores(range);
  }

  const stop = () => { clearInterval(timer); timer = null; $("play").textContent = "play"; };
  $("no-script").remove();
  $("pick").onchange = () => { sample = samples[+$("pick").value]; $("step").max = sample.steps; draw(); };
  $("step").oninput = () => { stop(); draw(); };
  $("play").onclick = () => {
    if (timer) return stop();
    $("play").textContent = "stop";
    timer = setInterval(() => { $("step").value = +$("step").value % sample.steps + 1; draw(); }, 300);
  };
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").onchange = draw;
  draw();
})();
