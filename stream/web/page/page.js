// The page of a run: puts its parts together, and has what people do by button and key. No build step, no other source.

import { beginPicture, keptView, setLayout, setView, setWipe, VIEWS } from "./picture.js";
import { beginSettings, nudge } from "./settings.js";
import { at, call, recall, remember, RETRY_MS, say, state } from "./shared.js";
import { tellClip, watch } from "./status.js";
import { beginTemperature } from "./temperature.js";

// ---- Snapshot, clip, full screen

async function snapshot() {
  try {
    const answer = await fetch(`api/snapshot?view=${keptView()}&colour_map=${state.colours}`);
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
    const asked = { on: !state.recording, view: keptView(), colour_map: state.colours };
    const made = await call("api/clip", "POST", asked);
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
const ENDS = { Home: 0, End: 100 };
const LETTERS = {
  s: snapshot, r: clip, f: full, w: () => setLayout("wipe"), o: () => setLayout("one"), a: () => setLayout("three"),
};

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
  } else if (event.key in ENDS && event.target === at("wipe")) {
    setWipe(ENDS[event.key]);
  } else if (LETTERS[event.key.toLowerCase()] && !event.repeat) {
    LETTERS[event.key.toLowerCase()]();
  } else {
    return;
  }
  event.preventDefault();
});

// ---- First visit

at("hint").hidden = recall("hint") === "seen";
at("understood").addEventListener("click", () => {
  remember("hint", "seen");
  at("hint").hidden = true;
});

beginPicture();
beginTemperature();
beginSettings();
watch();
