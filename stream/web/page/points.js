// Picking pairs of points in two pictures. Pixel centres lie at whole numbers, as everywhere in gifnet.

import { ARROWS, isTyping, latestOnly, rowButton, showRows, verdict } from "./alignment.js";
import { at, call, say } from "./shared.js";

const SIDES = ["visible", "thermal"];
const NEAR_PX = 12;
const state = { pairs: [], chosen: null, index: 0, open: true, fit: null };

// ---- A picture that can be zoomed and has points on it

class View {
  constructor(side) {
    this.side = side;
    this.box = at(side);
    this.canvas = this.box.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.image = null;
    this.zoom = 1;
    this.corner = [0, 0];
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  async load(index) {
    const answer = await fetch(`api/picture?side=${this.side}&index=${index}`);
    this.image = await createImageBitmap(await answer.blob());
    this.draw();
  }

  // Screen pixels of one picture pixel.
  get scale() { return (this.canvas.clientWidth / this.image.width) * this.zoom; }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) / this.scale + this.corner[0] - 0.5,
      (event.clientY - box.top) / this.scale + this.corner[1] - 0.5,
    ];
  }

  clip([x, y]) {
    return [Math.min(Math.max(x, 0), this.image.width - 1), Math.min(Math.max(y, 0), this.image.height - 1)];
  }

  near(event) {
    const [x, y] = this.place(event);
    let best = null;
    let least = NEAR_PX;
    state.pairs.forEach((pair, number) => {
      const point = pair[this.side];
      const away = point ? Math.hypot(point[0] - x, point[1] - y) * this.scale : Infinity;
      if (away < least) [best, least] = [number, away];
    });
    return best;
  }

  press(event) {
    if (!this.image || !state.open) return;
    this.canvas.setPointerCapture(event.pointerId);
    let number = this.near(event);
    let last = [event.clientX, event.clientY];
    const moves = event.shiftKey || event.button === 1;
    if (!moves && number === null) number = addPoint(this.side, this.clip(this.place(event)));
    state.chosen = moves ? state.chosen : number;
    drawAll();
    const follow = (move) => {
      if (moves) {
        this.pan(last[0] - move.clientX, last[1] - move.clientY);
        last = [move.clientX, move.clientY];
      } else if (number !== null && Math.hypot(move.clientX - last[0], move.clientY - last[1]) > 2) {
        last = [-1e6, -1e6];
        state.pairs[number][this.side] = this.clip(this.place(move));
        drawAll();
      }
    };
    const leave = () => {
      this.canvas.removeEventListener("pointermove", follow);
      if (!moves) changed();
    };
    this.canvas.addEventListener("pointermove", follow);
    this.canvas.addEventListener("pointerup", leave, { once: true });
    this.canvas.addEventListener("pointercancel", leave, { once: true });
  }

  wheel(event) {
    event.preventDefault();
    this.zoomTo(this.zoom * (event.deltaY < 0 ? 1.25 : 0.8), this.place(event));
  }

  zoomTo(zoom, [x, y]) {
    const before = this.scale;
    this.zoom = Math.min(16, Math.max(1, zoom));
    const share = before / this.scale;
    this.corner = [x + 0.5 - (x + 0.5 - this.corner[0]) * share, y + 0.5 - (y + 0.5 - this.corner[1]) * share];
    this.pan(0, 0);
  }

  pan(right, down) {
    const most = [this.image.width * (1 - 1 / this.zoom), this.image.height * (1 - 1 / this.zoom)];
    const wanted = [this.corner[0] + right / this.scale, this.corner[1] + down / this.scale];
    this.corner = wanted.map((value, axis) => Math.min(Math.max(value, 0), most[axis]));
    this.draw();
  }

  key(event) {
    const point = state.chosen === null ? null : state.pairs[state.chosen][this.side];
    if (ARROWS[event.key] && point) {
      const step = event.shiftKey ? 2 : 0.25;
      const moved = [point[0] + step * ARROWS[event.key][0], point[1] + step * ARROWS[event.key][1]];
      state.pairs[state.chosen][this.side] = this.clip(moved);
      drawAll();
      changed();
    } else if (event.key === "+" || event.key === "-") {
      const middle = [this.image.width / (2 * this.zoom) + this.corner[0], this.image.height / (2 * this.zoom) + this.corner[1]];
      this.zoomTo(this.zoom * (event.key === "+" ? 1.25 : 0.8), point ?? middle);
    } else {
      return;
    }
    event.preventDefault();
  }

  draw() {
    if (!this.image) return;
    const { canvas, pen } = this;
    const fine = devicePixelRatio;
    canvas.width = Math.round(this.box.clientWidth * fine);
    canvas.height = Math.round((this.box.clientWidth * this.image.height / this.image.width) * fine);
    const scale = this.scale * fine;
    pen.imageSmoothingEnabled = this.zoom < 4;
    pen.filter = this.side === "thermal" && at("invert").checked ? "invert(1)" : "none";
    pen.drawImage(
      this.image, -this.corner[0] * scale, -this.corner[1] * scale, this.image.width * scale, this.image.height * scale,
    );
    pen.filter = "none";
    state.pairs.forEach((pair, number) => {
      if (pair[this.side]) this.mark(pair[this.side], number, scale, fine);
    });
  }

  mark([x, y], number, scale, fine) {
    const { pen } = this;
    const [across, down] = [(x + 0.5 - this.corner[0]) * scale, (y + 0.5 - this.corner[1]) * scale];
    for (const [colour, width] of [["#000", 4], [number === state.chosen ? "#6fb3ff" : "#ffd23f", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width * fine;
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo(across + 3 * dx * fine, down + 3 * dy * fine);
        pen.lineTo(across + 11 * dx * fine, down + 11 * dy * fine);
      }
      pen.stroke();
    }
    pen.font = `${14 * fine}px system-ui, sans-serif`;
    pen.lineWidth = 3 * fine;
    pen.strokeStyle = "#000";
    pen.fillStyle = "#fff";
    pen.strokeText(number + 1, across + 8 * fine, down - 8 * fine);
    pen.fillText(number + 1, across + 8 * fine, down - 8 * fine);
  }
}

const views = Object.fromEntries(SIDES.map((side) => [side, new View(side)]));
const drawAll = () => SIDES.forEach((side) => views[side].draw());

// ---- Pairs

function addPoint(side, point) {
  const last = state.pairs.at(-1);
  if (last && !last[side]) last[side] = point;
  else if (last && SIDES.some((one) => !last[one])) last[side] = point;
  else state.pairs.push({ visible: null, thermal: null, [side]: point });
  return state.pairs.length - 1;
}

function undo() {
  const last = state.pairs.at(-1);
  if (!last) return;
  if (last.visible && last.thermal) last.thermal = null;
  else state.pairs.pop();
  state.chosen = null;
  drawAll();
  changed();
}

function remove(number) {
  state.pairs.splice(number, 1);
  state.chosen = null;
  drawAll();
  changed();
}

const whole = () => state.pairs.filter((pair) => pair.visible && pair.thermal);
const asked = () => ({
  points: whole().map((pair) => [...pair.visible, ...pair.thermal]),
  index: state.index,
  mode: at("mode").value,
  distance_m: Number(at("distance").value),
});

// ---- The server's answer about the newest points

const ask = latestOnly(update);

function changed() {
  showTurn();
  list(state.fit?.errors_px.length === whole().length ? state.fit : null);
  return ask();
}

// Marks the picture that the next click is for.
function showTurn() {
  const last = state.pairs.at(-1);
  const turn = last && !last.thermal ? "thermal" : last && !last.visible ? "visible" : null;
  for (const side of SIDES) views[side].box.toggleAttribute("data-turn", side === turn);
}

async function update(isOutdated) {
  let [fit, refusal] = [null, ""];
  try {
    if (whole().length >= 4) fit = await call("api/fit", "POST", asked());
  } catch (error) {
    refusal = error.message;
  }
  if (isOutdated()) return;
  if (refusal) verdict(refusal, "bad");
  else tell(fit);
  at("save").disabled = !fit;
  state.fit = fit;
  list(fit);
  if (fit) await together();
  else clearTogether();
}

function tell(fit) {
  const count = whole().length;
  if (!fit) verdict(`${count} of 4 pairs`);
  else if (fit.rms_px === null) verdict("Four points fit exactly, whatever they are: a fifth shows how good they are.");
  else if (fit.worst !== null) verdict(`Pair ${fit.worst + 1} lies much worse than the others.`, "bad");
  else verdict(`${count} pairs, error ${fit.rms_px.toFixed(2)} px`, "good");
}

function list(fit) {
  let number = 0;
  showRows(state.pairs.map((pair, index) => {
    const isWhole = pair.visible && pair.thermal;
    const error = isWhole ? fit?.errors_px[number].toFixed(2) ?? "–" : "partner missing";
    const worst = Boolean(isWhole && fit?.worst === number);
    if (isWhole) number += 1;
    const button = rowButton("×", `Remove pair ${index + 1}`, () => remove(index));
    return { number: index + 1, error, button, chosen: index === state.chosen, worst };
  }));
}

async function together() {
  const answer = await fetch("api/composite", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked()),
  });
  if (!answer.ok) return clearTogether();
  const old = at("together").src;
  at("together").src = URL.createObjectURL(await answer.blob());
  if (old) URL.revokeObjectURL(old);
}

function clearTogether() {
  at("together").removeAttribute("src");
}

async function save() {
  try {
    const saved = await call("api/save", "POST", asked());
    state.open = false;
    at("save").disabled = true;
    say(`${saved.file} is written; this page can be closed.`);
  } catch (error) {
    say(error.message, true);
  }
}

// ---- Moments

async function show(index) {
  const moment = await (await fetch(`api/moment?index=${index}`)).json();
  state.index = moment.index;
  if (!at("distance").value) at("distance").value = moment.distance_m;
  at("earlier").disabled = state.index === 0;
  await Promise.all(SIDES.map((side) => views[side].load(state.index)));
  changed();
}

at("earlier").addEventListener("click", () => show(state.index - 1));
at("later").addEventListener("click", () => show(state.index + 1));
at("undo").addEventListener("click", undo);
at("save").addEventListener("click", save);
at("mode").addEventListener("change", changed);
at("invert").addEventListener("change", drawAll);

document.addEventListener("keydown", (event) => {
  if (isTyping(event)) return;
  if (event.key.toLowerCase() === "u") undo();
  else if ((event.key === "Delete" || event.key === "Backspace") && state.chosen !== null) remove(state.chosen);
  else return;
  event.preventDefault();
});

show(0);
