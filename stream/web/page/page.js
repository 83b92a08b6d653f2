// The page of a run: asks for frames and status, draws, and changes settings. No build step, no other source.

const VIEWS = ["fused", "visible", "thermal", "thermal-colour", "side-by-side", "checkerboard"];
const STATUS_EVERY_MS = 500;
const RETRY_MS = 1000;
const LONGEST_NAME = 24;

const at = (id) => document.getElementById(id);
const state = { left: "visible", right: "fused", wipe: 0, index: null, values: {}, recording: false, correction: null };

// ---- Picture: one question at a time, so that what comes is the newest frame.

const canvas = at("picture");
const pen = canvas.getContext("2d", { alpha: false });
let shown = null;

function connect() {
  const address = new URL("api/frames", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => ask(socket);
  socket.onmessage = async (message) => {
    await take(message.data);
    ask(socket);
  };
  // A hidden page asks for nothing, and is let go; it comes back when it is seen.
  socket.onclose = () => setTimeout(() => whenSeen(connect), RETRY_MS);
}

function whenSeen(act) {
  if (!document.hidden) act();
  else document.addEventListener("visibilitychange", () => whenSeen(act), { once: true });
}

function ask(socket) {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (document.hidden) {
    whenSeen(() => ask(socket));
    return;
  }
  const width = Math.min(4096, Math.max(320, Math.round(canvas.clientWidth * devicePixelRatio)));
  const views = state.wipe > 0 ? [state.left, state.right] : [state.right];
  socket.send(JSON.stringify({ after: state.index, views, width }));
}

async function take(data) {
  const length = new DataView(data).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  if (head.index === null) return;
  let start = 4 + length;
  const pictures = [];
  for (const size of head.lengths) {
    pictures.push(await createImageBitmap(new Blob([new Uint8Array(data, start, size)], { type: "image/jpeg" })));
    start += size;
  }
  if (shown) for (const old of shown.pictures) old.close();
  shown = { head, pictures };
  state.index = head.index;
  at("empty").hidden = true;
  at("flags").textContent = head.flags.join(", ");
  draw();
}

function draw() {
  if (!shown) return;
  const pictures = shown.pictures;
  const right = pictures[pictures.length - 1];
  if (canvas.width !== right.width || canvas.height !== right.height) {
    canvas.width = right.width;
    canvas.height = right.height;
    at("screen").style.setProperty("--aspect", right.width / right.height);
  }
  pen.drawImage(right, 0, 0);
  if (pictures.length === 2) {
    const left = pictures[0];
    const part = Math.round(canvas.width * state.wipe / 100);
    const source = Math.round(left.width * state.wipe / 100);
    if (source > 0 && part > 0) pen.drawImage(left, 0, 0, source, left.height, 0, 0, part, canvas.height);
  }
  canvas.dataset.index = shown.head.index;
}

// ---- Wipe

const wipe = at("wipe");

function setWipe(share) {
  state.wipe = Math.min(100, Math.max(0, share));
  wipe.style.left = `${state.wipe}%`;
  wipe.setAttribute("aria-valuenow", Math.round(state.wipe));
  at("left-name").textContent = state.wipe > 0 ? state.left : "";
  at("right-name").textContent = state.wipe < 100 ? state.right : "";
  draw();
}

wipe.addEventListener("pointerdown", (event) => {
  wipe.setPointerCapture(event.pointerId);
  const follow = (move) => {
    const box = at("screen").getBoundingClientRect();
    setWipe(100 * (move.clientX - box.left) / box.width);
  };
  const leave = () => wipe.removeEventListener("pointermove", follow);
  wipe.addEventListener("pointermove", follow);
  wipe.addEventListener("pointerup", leave, { once: true });
  wipe.addEventListener("pointercancel", leave, { once: true });
});

// ---- Views

function addViews(side) {
  for (const view of VIEWS) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: side, value: view, checked: state[side] === view });
    input.addEventListener("change", () => setView(side, view));
    label.append(input, view.replaceAll("-", " "));
    at(side).append(label);
  }
}

function setView(side, view) {
  state[side] = view;
  document.querySelector(`input[name="${side}"][value="${view}"]`).checked = true;
  // A view to the left of a wipe that is closed would not be seen.
  setWipe(side === "left" && state.wipe === 0 ? 50 : state.wipe);
  state.index = null;
}

// ---- What the server says

function say(sentence, bad = false) {
  at("said").textContent = sentence;
  at("said").dataset.state = bad ? "bad" : "";
}

async function call(path, method, body) {
  const options = { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, body === undefined ? {} : options);
  const words = await answer.json();
  if (!answer.ok) throw new Error(words.error);
  return words;
}

const number = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const pair = (shares) => (shares ? `${number(shares.p50)} / ${number(shares.p99)} ms` : "–");
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

async function watch() {
  try {
    if (!document.hidden) tell(await call("api/status"));
  } catch {
    at("health").dataset.state = "bad";
    at("health").textContent = "the run does not answer";
  }
  setTimeout(watch, STATUS_EVERY_MS);
}

function tell(status) {
  const recent = status.recent;
  at("health").dataset.state = status.not_ready ? (status.fused ? "bad" : "wait") : worst(status.cameras);
  if (status.not_pairing) at("health").dataset.state = "bad";
  if (status.too_slow && !status.not_ready && !status.not_pairing) at("health").dataset.state = "wait";
  const fusing = status.too_slow ? "too slow" : "fusing";
  at("health").textContent = status.not_pairing ? "not pairing" : status.not_ready || fusing;
  at("health").title = status.not_pairing || status.too_slow;
  at("rate").textContent = `${number(recent.rate)} /s`;
  at("latency").textContent = pair(recent.latency_ms);
  at("age").textContent = pair(recent.capture_age_ms);
  at("pairing").textContent = pair(recent.pairing_error_ms);
  at("dropped").textContent = String(total(status.dropped));
  at("dropped").title = reasons(status.dropped);
  tellCameras(status);
  tellDrift(status.drift);
  tellClip(status.clip);
  tellAccount(status);
}

function tellDrift(drift) {
  at("drift").hidden = drift?.verdict !== "moved";
  at("drift").firstElementChild.textContent = drift?.sentence ?? "";
  at("drift").lastElementChild.hidden = !drift?.correction_px;
  state.correction = drift?.correction_px ?? null;
}

const worst = (cameras) =>
  Object.values(cameras).every((camera) => camera.state === "streaming") ? "good" : "wait";
const reasons = (counts) =>
  Object.entries(counts).map(([why, count]) => `${count} ${why.replaceAll("_", " ")}`).join(", ");

function tellCameras(status) {
  const boxes = Object.entries(status.cameras).map(([side, camera]) => {
    const box = document.createElement("div");
    box.className = "camera";
    box.dataset.state = camera.state;
    box.dataset.side = side;
    box.title = status.names[side];
    const again = camera.connects > 1 ? `reconnected ${camera.connects - 1} times` : "";
    box.append(
      element("strong", `${side}: ${shortened(status.names[side])}`),
      element("span", camera.state),
      element("small", camera.why || again),
    );
    return box;
  });
  at("cameras").replaceChildren(...boxes);
}

const shortened = (name) => (name.length > LONGEST_NAME ? `…${name.slice(1 - LONGEST_NAME)}` : name);

function tellClip(clip) {
  if (clip.why && state.recording) say(`The recording was given up: ${clip.why}`, true);
  state.recording = clip.recording;
  at("clip").setAttribute("aria-pressed", clip.recording);
  at("clip").lastChild.textContent = clip.recording ? `ecording, ${clip.frames} frames` : "ecord";
}

function tellAccount(status) {
  const rows = [
    ["visible frames in", status.frames_in.visible ?? 0, reasons(status.lost.visible ?? {})],
    ["thermal frames in", status.frames_in.thermal ?? 0, reasons(status.lost.thermal ?? {})],
    ["fused", status.fused, reasons(status.moments)],
    ["dropped", total(status.dropped), reasons(status.dropped)],
    ...status.outputs.map((output) => [
      output.uri, output.frames, `${output.view}${output.skipped ? `, ${output.skipped} skipped` : ""}`,
    ]),
  ];
  if (status.clocks) rows.push(["clock offset", `${number(status.clocks.offset_ms)} ms`, ""]);
  rows.push([status.device.name ?? "device", status.precision, status.device.why ?? ""]);
  at("account").tBodies[0].replaceChildren(...rows.map(([name, value, more]) => {
    const row = document.createElement("tr");
    const first = element("td", name);
    first.append(element("small", more));
    row.append(first, element("td", value));
    return row;
  }));
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

// ---- Settings

const NUDGES = ["registration.nudge_right_px", "registration.nudge_down_px"];

async function loadSettings() {
  try {
    const { values, known } = await call("api/settings");
    for (const setting of known) if (!NUDGES.includes(setting.place)) addSetting(setting);
    showValues(values);
  } catch {
    setTimeout(loadSettings, RETRY_MS);
  }
}

function addSetting(setting) {
  const [section, key] = setting.place.split(".");
  const label = element("label", key.replaceAll("_", " ").replace(/ (ms|px|m|s)$/, ", $1"));
  label.className = "setting";
  label.title = setting.description;
  const field = setting.choices ? document.createElement("select") : document.createElement("input");
  if (setting.choices) field.append(...setting.choices.map((choice) => new Option(choice, choice)));
  else if (typeof setting.default === "boolean") field.type = "checkbox";
  else field.inputMode = setting.words ? "text" : "decimal";
  field.dataset.place = setting.place;
  field.addEventListener("change", () => change({ [setting.place]: valueOf(field) }, field));
  label.append(field);
  at(`${section}-settings`)?.append(label);
}

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  const text = field.value.trim();
  if (field.tagName === "SELECT") return text;
  if (text === "") return null;
  if (text.startsWith("[")) return JSON.parse(text);
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function showValues(values) {
  state.values = values;
  for (const field of document.querySelectorAll("[data-place]")) {
    if (field === document.activeElement && field.tagName === "INPUT") continue;
    const value = values[field.dataset.place];
    if (field.type === "checkbox") field.checked = value;
    else field.value = value === null ? "" : Array.isArray(value) ? JSON.stringify(value) : value;
    field.removeAttribute("aria-invalid");
  }
  at("nudged").textContent = `${NUDGES.map((place) => values[place]).join(", ")} px`;
}

async function change(values, field) {
  try {
    showValues((await call("api/settings", "PATCH", values)).values);
    field?.removeAttribute("aria-invalid");
    say(Object.entries(values).map(([place, value]) => `${place} is ${value ?? "not set"}`).join(", "));
  } catch (error) {
    field?.setAttribute("aria-invalid", "true");
    say(error.message, true);
  }
}

// Keys repeat faster than the server answers; what is still to be sent adds up.
let pending = null;

async function nudge(right, down) {
  if (pending) {
    pending = [pending[0] + right, pending[1] + down];
    return;
  }
  pending = [right, down];
  while (pending[0] || pending[1]) {
    const [byRight, byDown] = pending;
    pending = [0, 0];
    const now = NUDGES.map((place) => state.values[place] ?? 0);
    const rounded = (value) => Math.round(value * 10) / 10;
    await change({ [NUDGES[0]]: rounded(now[0] + byRight), [NUDGES[1]]: rounded(now[1] + byDown) });
  }
  pending = null;
}

for (const button of document.querySelectorAll("#pad [data-right]")) {
  button.addEventListener("click", (event) => {
    const step = event.shiftKey ? 10 : 1;
    nudge(step * Number(button.dataset.right), step * Number(button.dataset.down));
  });
}
at("drift").lastElementChild.addEventListener("click", () => state.correction && nudge(...state.correction));
at("centre").addEventListener("click", () => change({ [NUDGES[0]]: 0, [NUDGES[1]]: 0 }));

// ---- Snapshot, clip, full screen

async function snapshot() {
  const view = state.wipe >= 100 ? state.left : state.right;
  try {
    const answer = await fetch(`api/snapshot?view=${view}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = answer.headers.get("Content-Disposition").match(/"(.*)"/)[1];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), RETRY_MS);
    say(`saved ${link.download}`);
  } catch (error) {
    say(error.message, true);
  }
}

async function clip() {
  try {
    const made = await call("api/clip", "POST", { on: !state.recording, view: state.right });
    tellClip(made);
    say(made.recording ? `recording ${made.file}` : `recorded ${made.file}`);
  } catch (error) {
    say(error.message, true);
  }
}

const full = () => (document.fullscreenElement ? document.exitFullscreen() : at("frame").requestFullscreen());

at("snapshot").addEventListener("click", snapshot);
at("clip").addEventListener("click", clip);
at("full").addEventListener("click", full);

// ---- Keys

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LETTERS = { s: snapshot, r: clip, f: full };

document.addEventListener("keydown", (event) => {
  const types = event.target.matches("select, .setting input");
  if (types || event.ctrlKey || event.metaKey) return;
  const digit = /^Digit([1-6])$/.exec(event.code);
  if (event.altKey && ARROWS[event.key]) {
    const step = event.shiftKey ? 10 : 1;
    nudge(step * ARROWS[event.key][0], step * ARROWS[event.key][1]);
  } else if (event.altKey) {
    return;
  } else if (digit) {
    setView(event.shiftKey ? "left" : "right", VIEWS[Number(digit[1]) - 1]);
  } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    if (event.target.matches("input[type=radio]")) return;
    setWipe(state.wipe + ARROWS[event.key][0] * (event.shiftKey ? 10 : 2));
  } else if (LETTERS[event.key.toLowerCase()] && !event.repeat) {
    LETTERS[event.key.toLowerCase()]();
  } else {
    return;
  }
  event.preventDefault();
});

addViews("left");
addViews("right");
setWipe(0);
loadSettings();
watch();
connect();
