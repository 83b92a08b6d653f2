// Laying the thermal picture on the visible one: coarsely by sliders, exactly by points; and the steps of the setup.

import { Stage, thermalPlace } from "./setup-stage.js";

const at = (id) => document.getElementById(id);
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
    if (!inside) return say("A point must lie in the thermal picture.", "bad");
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

function letGo(index) {
  state.points[index].visible = null;
  changed();
}

function key(event) {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey || !state.open) return;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const onPoint = event.target.matches(".handle") && state.chosen !== null;
  if (event.key in arrows && (onPoint || event.target.matches("#window"))) {
    const step = event.shiftKey ? 4 : 0.25;
    const [right, down] = arrows[event.key].map((sign) => sign * step);
    if (onPoint) {
      const [x, y] = state.points[state.chosen].visible ?? state.fit.places[state.chosen];
      told.put(state.chosen, [x + right, y + down]);
    } else if (!isHeld()) told.move(4 * right, 4 * down);
  } else if ((event.key === "Delete" || event.key === "Backspace") && onPoint) letGo(state.chosen);
  else return;
  event.preventDefault();
}

// ---- From a position to what is shown: one question at a time, always about the newest position

let running = false;
let again = false;

async function changed() {
  again = true;
  showControls();
  if (running) return;
  running = true;
  try {
    while (again) {
      again = false;
      await update();
    }
  } finally {
    running = false;
  }
}

async function update() {
  try {
    state.fit = await post("api/fit");
    at("save").disabled = !state.open;
    verdict();
    show();
  } catch (error) {
    at("save").disabled = true;
    say(error.message, "bad");
  }
}

function verdict() {
  const put = state.points.filter((point) => point.visible).length;
  const { rms_px, worst } = state.fit;
  if (worst !== null) say(`Point ${worst + 1} lies much worse than the others.`, "bad");
  else if (rms_px !== null) say(`${put} points, error ${rms_px.toFixed(1)} px`, "good");
  else if (put) say(`${put} of ${state.points.length} points are in their place.`, "");
  else say("Drag the picture and use the sliders until it about fits.", "");
}

function say(text, tone) {
  at("verdict").textContent = text;
  at("verdict").dataset.state = tone;
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
  const errors = state.fit.errors_px;
  const rows = state.points.map((point, index) => {
    const row = document.createElement("tr");
    row.setAttribute("aria-selected", index === state.chosen);
    row.toggleAttribute("data-worst", state.fit.worst === index);
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: "let go", disabled: !point.visible || !state.open });
    button.setAttribute("aria-label", `Let point ${index + 1} go`);
    button.addEventListener("click", () => letGo(index));
    const error = point.visible ? (state.fit.rms_px === null ? "in place" : errors[index].toFixed(1)) : "follows";
    row.append(...[index + 1, error, button].map((content) => {
      const cell = document.createElement("td");
      cell.append(content);
      return cell;
    }));
    return row;
  });
  at("list").tBodies[0].replaceChildren(...rows);
}

// ---- The server

const asked = () => ({
  placement: state.placement,
  points: state.points,
  distance_m: Number(at("distance").value.replace(",", ".")),
});

async function post(path) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked()),
  });
  const words = await answer.json();
  if (!answer.ok) throw new Error(words.error);
  return words;
}

async function save() {
  at("said").dataset.state = "";
  try {
    await post("api/save");
    state.open = false;
    at("save").disabled = true;
    at("said").textContent = "Saved; the machine is measured now.";
    showControls();
    list();
  } catch (error) {
    at("said").dataset.state = "bad";
    at("said").textContent = error.message;
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
    told = await (await fetch("api/steps")).json();
  } catch {
    if (at("command").hidden) at("said").textContent = "The command has ended; its terminal says how.";
    return;
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
  if (!told.command) return setTimeout(followSteps, STEP_MS);
  at("said").textContent = "Everything is written, and this page can be closed. Next:";
  at("command").textContent = told.command;
  at("command").hidden = false;
}

// ---- Begin

async function begin() {
  const setup = await (await fetch("api/setup")).json();
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
