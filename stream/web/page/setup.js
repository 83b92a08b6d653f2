// Aligning the thermal picture with the visible one, by sliders and then by points; and the steps of the setup.

import { ARROWS, isTyping, latestOnly, rowButton, showRows, verdict } from "./alignment.js";
import { Stage, thermalPlace } from "./setup-stage.js";
import { at, call, say } from "./shared.js";

const SLIDERS = ["scale", "right", "down", "turn_deg"];
const FULL_TURN = 360;
const STEP_MS = 1000;
const state = { placement: null, points: [], chosen: null, fit: null, index: 0, moments: 1, open: true, sizes: null };
let stage = null;

// ---- What the person does

const told = {
  move(right, down) {
    state.placement.right += right / state.sizes.visible[0];
    state.placement.down += down / state.sizes.visible[0];
    changed();
  },
  put(index, place) {
    if (!state.open) return;
    state.points[index].visible = place;
    changed();
  },
  choose(index) {
    state.chosen = index;
    show();
  },
  add(place) {
    if (!state.open || !state.fit) return;
    const thermal = thermalPlace(state.fit.matrix, place);
    const inside = thermal.every((value, axis) => value >= 0 && value <= state.sizes.thermal[axis] - 1);
    if (!inside) return verdict("A point must lie in the thermal picture.", "bad");
    state.points.push({ thermal, visible: null });
    state.chosen = state.points.length - 1;
    changed();
  },
};

const isHeld = () => state.points.some((point) => point.visible);

function quarter(by) {
  state.placement.quarter_deg = (state.placement.quarter_deg + by + FULL_TURN) % FULL_TURN;
  changed();
}

function release(index) {
  state.points[index].visible = null;
  changed();
}

function key(event) {
  if (isTyping(event) || !state.open) return;
  const onPoint = event.target.matches(".handle") && state.chosen !== null;
  if (event.key in ARROWS && (onPoint || event.target.matches("#window"))) {
    const step = event.shiftKey ? 4 : 0.25;
    const [right, down] = ARROWS[event.key].map((sign) => sign * step);
    if (onPoint) {
      const [x, y] = state.points[state.chosen].visible ?? state.fit.places[state.chosen];
      told.put(state.chosen, [x + right, y + down]);
    } else if (!isHeld()) told.move(4 * right, 4 * down);
  } else if ((event.key === "Delete" || event.key === "Backspace") && onPoint) release(state.chosen);
  else return;
  event.preventDefault();
}

// ---- The server's answer about the newest position

const ask = latestOnly(update);

function changed() {
  showControls();
  return ask();
}

async function update() {
  try {
    state.fit = await call("api/fit", "POST", asked());
    at("save").disabled = !state.open;
    if (state.open) judge();
    show();
  } catch (error) {
    at("save").disabled = true;
    if (state.open) verdict(error.message, "bad");
  }
}

function judge() {
  const put = state.points.filter((point) => point.visible).length;
  const { rms_px, worst } = state.fit;
  if (worst !== null) verdict(`Point ${worst + 1} lies much worse than the others.`, "bad");
  else if (rms_px !== null) verdict(`${put} points, error ${rms_px.toFixed(1)} px`, "good");
  else if (put) verdict(`${put} of ${state.points.length} points are in place.`);
  else verdict("Drag the picture and use the sliders until it roughly fits.");
}

function show() {
  if (!state.fit) return;
  const { matrix, places, worst } = state.fit;
  if (places.length !== state.points.length) return;
  stage.show(matrix, places, state.points, state.chosen, worst);
  list();
}

function showControls() {
  const { placement } = state;
  at("scale").value = Math.log(placement.scale);
  for (const name of SLIDERS.slice(1)) at(name).value = placement[name];
  const words = {
    scale: `${(100 * placement.scale).toFixed(0)} %`,
    right: `${(100 * placement.right).toFixed(1)} %`,
    down: `${(100 * placement.down).toFixed(1)} %`,
    turn_deg: `${placement.turn_deg.toFixed(1)}°`,
  };
  for (const name of SLIDERS) document.querySelector(`output[for=${name}]`).textContent = words[name];
  at("mirror").setAttribute("aria-pressed", placement.mirrored);
  at("coarse").disabled = isHeld() || !state.open;
  at("locked").hidden = !isHeld() || !state.open;
  at("stage").toggleAttribute("data-held", isHeld() || !state.open);
}

function list() {
  const { errors_px, rms_px, worst } = state.fit;
  showRows(state.points.map((point, index) => {
    const error = !point.visible ? "follows" : rms_px === null ? "in place" : errors_px[index].toFixed(1);
    const isLoose = !point.visible || !state.open;
    const button = rowButton("release", `Release point ${index + 1}`, () => release(index), isLoose);
    return { number: index + 1, error, button, chosen: index === state.chosen, worst: worst === index };
  }));
}

// Nothing can be moved any more.
function close(words) {
  if (!state.open) return;
  state.open = false;
  at("save").disabled = true;
  verdict(words);
  showControls();
  if (state.fit) list();
}

// ---- The server

const asked = () => ({
  placement: state.placement,
  points: state.points,
  distance_m: Number(at("distance").value.replace(",", ".")),
});

async function save() {
  say("");
  try {
    await call("api/save", "POST", asked());
    close("The alignment is saved.");
    say("Saved. Measuring this machine now.");
  } catch (error) {
    say(error.message, true);
  }
}

function picture(side) {
  const looks = side === "thermal" && at("as").value === "colour" ? "colour" : "grey";
  at(side).src = `api/picture?side=${side}&index=${state.index}&looks=${looks}`;
}

function looks() {
  at("thermal").style.opacity = at("opacity").value / 100;
  at("thermal").style.filter = at("as").value === "inverted" ? "invert(1)" : "";
}

function moment(by) {
  state.index = Math.min(Math.max(state.index + by, 0), state.moments - 1);
  at("earlier").disabled = state.index === 0;
  at("later").disabled = state.index === state.moments - 1;
  picture("visible");
  picture("thermal");
}

async function followSteps() {
  let told = null;
  try {
    told = await call("api/steps");
  } catch {
    close("The command has ended.");
    return say("The command has ended; see its terminal.", true);
  }
  at("steps").replaceChildren(...told.steps.map((step) => {
    const item = document.createElement("li");
    item.dataset.state = step.state;
    item.append(step.title);
    for (const [text, name] of [...step.notes.map((note) => [note, "note"]), [step.text, ""]]) {
      if (!text) continue;
      const line = document.createElement("small");
      line.className = name;
      line.textContent = text;
      item.append(line);
    }
    return item;
  }));
  if (told.saved) close("The alignment is saved.");
  if (!told.command) return setTimeout(followSteps, STEP_MS);
  say("Everything is written, and this page can be closed. Next:");
  at("command").textContent = told.command;
  at("command").hidden = false;
}

// ---- Begin

async function begin() {
  const setup = await call("api/setup");
  state.sizes = { visible: setup.visible, thermal: setup.thermal };
  state.placement = setup.placement;
  state.points = setup.points.map((thermal) => ({ thermal, visible: null }));
  state.moments = setup.moments;
  at("distance").value = setup.distance_m;
  stage = new Stage(setup.visible, setup.thermal, told);
  looks();
  moment(0);
  changed();
  followSteps();
}

at("left").addEventListener("click", () => quarter(270));
at("right-turn").addEventListener("click", () => quarter(90));
at("mirror").addEventListener("click", () => { state.placement.mirrored = !state.placement.mirrored; changed(); });
for (const name of SLIDERS) {
  at(name).addEventListener("input", () => {
    const value = Number(at(name).value);
    state.placement[name] = name === "scale" ? Math.exp(value) : value;
    changed();
  });
}
at("loose").addEventListener("click", () => { state.points.forEach((point) => { point.visible = null; }); changed(); });
at("add").addEventListener("click", () => told.add(state.sizes.visible.map((side) => (side - 1) / 2)));
at("save").addEventListener("click", save);
at("opacity").addEventListener("input", looks);
at("as").addEventListener("change", () => { looks(); picture("thermal"); });
at("zoom").addEventListener("change", () => stage.fit());
at("earlier").addEventListener("click", () => moment(-1));
at("later").addEventListener("click", () => moment(1));
document.addEventListener("keydown", key);

begin();
