// Temperatures of a radiometric camera: lowest, highest, in the middle, and under the pointer.

import { placeOf } from "./picture.js";
import { at, call, state } from "./shared.js";

const degrees = (celsius) => (celsius === null ? "–" : `${celsius.toFixed(1)} °C`);

export function tellTemperature(now) {
  state.radiometric = now !== null && now !== undefined;
  at("temperatures").hidden = at("cross").hidden = !state.radiometric;
  at("cross").hidden ||= state.layout === "three";
  document.querySelectorAll("[data-radiometric]").forEach((each) => { each.hidden = !state.radiometric; });
  if (!state.radiometric) return;
  at("spot").textContent = degrees(now.spot);
  at("lowest").textContent = degrees(now.low);
  at("highest").textContent = degrees(now.high);
  if (pointer) look();
}

// ---- Under the pointer: one question at a time, again with every status.

let pointer = null;
let asking = false;

async function look() {
  if (asking || !pointer || !state.radiometric) return;
  const place = placeOf(pointer);
  if (!place) {
    leave();
    return;
  }
  asking = true;
  try {
    const { celsius } = await call(`api/temperature?x=${place.x.toFixed(4)}&y=${place.y.toFixed(4)}`);
    if (pointer) show(celsius);
  } catch { /* the status tells of a run that does not answer */ } finally {
    asking = false;
  }
}

function show(celsius) {
  const box = at("screen").getBoundingClientRect();
  const label = at("under");
  label.textContent = degrees(celsius);
  label.hidden = celsius === null;
  label.style.left = `${pointer.clientX - box.left}px`;
  label.style.top = `${pointer.clientY - box.top}px`;
  label.dataset.side = pointer.clientX - box.left > box.width - 100 ? "left" : "right";
}

function leave() {
  pointer = null;
  at("under").hidden = true;
}

export function beginTemperature() {
  const screen = at("screen");
  screen.addEventListener("pointermove", (event) => { pointer = event; look(); });
  screen.addEventListener("pointerdown", (event) => { pointer = event; look(); });
  screen.addEventListener("pointerleave", leave);
}
