// The picture: one question at a time, so that what comes is the newest frame; wipe, views and their names.

import { at, element, recall, remember, RETRY_MS, state } from "./shared.js";

export const VIEWS = ["fused", "visible", "thermal", "thermal-colour", "side-by-side", "checkerboard"];
const LAYOUTS = { wipe: "wipe", one: "one", three: "all three" };
const COLOURS = ["heat", "white-hot", "black-hot", "iron", "rainbow", "lava", "arctic"];
const THREE = ["fused", "visible", "thermal"];
const NARROW_PX = 700;
const FLAGS = { held: "last thermal picture held", stale: "thermal shutter closed" };

const canvas = at("picture");
const pen = canvas.getContext("2d", { alpha: false });
let shown = null;

export function connect() {
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
  socket.send(JSON.stringify({ after: state.index, views: wanted(), width, colour_map: state.colours }));
}

function wanted() {
  if (state.layout === "three") return THREE;
  return state.layout === "wipe" ? [state.left, state.right] : [state.right];
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
  at("flags").textContent = flagsInWords(head);
  draw();
  tellNames();
}

function flagsInWords(head) {
  const words = head.flags.filter((flag) => flag !== "single").map((flag) => FLAGS[flag] ?? flag);
  if (head.alone) words.unshift(`${head.alone} alone: ${other(head.alone)} gives no picture`);
  return words.join(", ");
}

const other = (side) => (side === "visible" ? "thermal" : "visible");

// ---- Drawing

// Tiles of the layout of three in shares of the canvas: fused, visible, thermal.
function tiles() {
  if (window.innerWidth < NARROW_PX) {
    return [[0, 0, 1, 2 / 3], [0, 2 / 3, 1 / 2, 1 / 3], [1 / 2, 2 / 3, 1 / 2, 1 / 3]];
  }
  return [[0, 0, 2 / 3, 1], [2 / 3, 0, 1 / 3, 1 / 2], [2 / 3, 1 / 2, 1 / 3, 1 / 2]];
}

function draw() {
  if (!shown) return;
  const { pictures } = shown;
  if (pictures.length === 3) drawThree(pictures);
  else drawWipe(pictures);
  canvas.dataset.index = shown.head.index;
}

function resize(width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
  at("screen").style.setProperty("--aspect", width / height);
}

function drawThree(pictures) {
  const [fused] = pictures;
  const [, , width, height] = tiles()[0];
  resize(Math.round(fused.width / width), Math.round(fused.height / height));
  tiles().forEach(([x, y, across, down], number) => {
    const place = [x * canvas.width, y * canvas.height, across * canvas.width, down * canvas.height];
    pen.drawImage(pictures[number], ...place.map(Math.round));
  });
}

function drawWipe(pictures) {
  const right = pictures[pictures.length - 1];
  resize(right.width, right.height);
  pen.drawImage(right, 0, 0);
  if (pictures.length < 2) return;
  const [left] = pictures;
  const part = Math.round(canvas.width * state.wipe / 100);
  const source = Math.round(left.width * state.wipe / 100);
  if (source > 0 && part > 0) pen.drawImage(left, 0, 0, source, left.height, 0, 0, part, canvas.height);
}

// Place in the picture, in shares of its width and height, of a pointer; null between pictures.
export function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  let x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  if (!shown || x < 0 || y < 0 || x > 1 || y > 1) return null;
  let view = state.layout === "wipe" && 100 * x < state.wipe ? state.left : state.right;
  if (state.layout === "three") {
    const tile = tiles().find(([left, top, across, down]) =>
      x >= left && y >= top && x <= left + across && y <= top + down);
    [x, y, view] = [(x - tile[0]) / tile[2], (y - tile[1]) / tile[3], ""];
  }
  return { x: view === "side-by-side" ? (3 * x) % 1 : x, y };
}

// ---- Names of what is shown

const inWords = (view) => view.replaceAll("-", " ");

function nameOf(view) {
  const alone = shown?.head.alone;
  if (!alone) return inWords(view);
  if (view === "fused") return `${alone} alone`;
  if (view === alone || (view === "thermal-colour" && alone === "thermal")) return inWords(view);
  return view.startsWith(other(alone)) ? `no ${other(alone)} picture` : `${inWords(view)}, ${alone} alone`;
}

function tellNames() {
  const three = state.layout === "three";
  const left = three ? "fused" : state.layout === "wipe" && state.wipe > 0 ? state.left : "";
  const right = three ? "visible" : state.layout === "one" || state.wipe < 100 ? state.right : "";
  put("left-name", left);
  put("right-name", right);
  put("third-name", three ? "thermal" : "");
  const [, second, third] = tiles();
  at("right-name").style = three ? `left: ${100 * second[0]}%; top: ${100 * second[1]}%; right: auto` : "";
  at("third-name").style = `left: ${100 * third[0]}%; top: ${100 * third[1]}%`;
  const names = [left, right, three ? "thermal" : ""].filter(Boolean).map(nameOf);
  const words = names.length > 1 && !three ? `${names[0]} left of ${names[1]}` : names.join(", ");
  if (canvas.getAttribute("aria-label") !== `Live picture: ${words}`) {
    canvas.setAttribute("aria-label", `Live picture: ${words}`);
  }
}

function put(id, view) {
  const name = view ? nameOf(view) : "";
  if (at(id).textContent !== name) at(id).textContent = name;
}

// ---- Wipe

const wipe = at("wipe");

export function setWipe(share) {
  state.wipe = Math.min(100, Math.max(0, share));
  wipe.style.left = `${state.wipe}%`;
  wipe.hidden = state.layout !== "wipe";
  wipe.setAttribute("aria-valuenow", Math.round(state.wipe));
  wipe.setAttribute("aria-valuetext", `${Math.round(state.wipe)} percent ${inWords(state.left)}`);
  tellNames();
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

// ---- Layout, views and colours

function addChoices(group, values, chosen, choose) {
  for (const [value, words] of values) {
    const label = element("label", "");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: group, value, checked: value === chosen });
    input.addEventListener("change", () => choose(value));
    label.append(input, words);
    at(group).append(label);
  }
}

function check(group, value) {
  document.querySelector(`input[name="${group}"][value="${value}"]`).checked = true;
}

export function setLayout(layout) {
  state.layout = layout;
  check("layout", layout);
  at("left").hidden = layout !== "wipe";
  at("right").hidden = layout === "three";
  at("right").firstElementChild.textContent = layout === "one" ? "view" : "right";
  // A wipe that is closed would look like one picture.
  setWipe(layout === "wipe" && (state.wipe === 0 || state.wipe === 100) ? 50 : state.wipe);
  state.index = null;
}

export function setView(side, view) {
  state[side] = view;
  check(side, view);
  if (side === "left" || state.layout === "three") setLayout("wipe");
  at("colours").parentElement.hidden = ![state.left, state.right].includes("thermal-colour");
  setWipe(side === "left" && state.wipe === 0 ? 50 : state.wipe);
  state.index = null;
}

// The view that a snapshot or a clip keeps.
export function keptView() {
  if (state.layout === "three") return "side-by-side";
  return state.layout === "wipe" && state.wipe >= 100 ? state.left : state.right;
}

export function beginPicture() {
  addChoices("layout", Object.entries(LAYOUTS), state.layout, setLayout);
  for (const side of ["left", "right"]) {
    addChoices(side, VIEWS.map((view) => [view, inWords(view)]), state[side], (view) => setView(side, view));
  }
  state.colours = COLOURS.includes(recall("colours")) ? recall("colours") : "heat";
  at("colours").append(...COLOURS.map((name) => new Option(inWords(name), name, false, name === state.colours)));
  at("colours").addEventListener("change", () => {
    state.colours = at("colours").value;
    state.index = null;
    remember("colours", state.colours);
  });
  setLayout("wipe");
  window.addEventListener("resize", () => { tellNames(); draw(); });
  connect();
}
