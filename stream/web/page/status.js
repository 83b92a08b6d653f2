// What the run tells of itself: header, cameras, drift, clip and the table of frames.

import { at, call, element, say, state } from "./shared.js";
import { tellTemperature } from "./temperature.js";

const STATUS_EVERY_MS = 500;
const LONGEST_NAME = 24;
// The rate of now is that of so long; cameras are fused too slowly below this share of what they give.
const WINDOW_MS = 5000;
const LEAST_MS = 2000;
const KEEPS_UP = 0.8;
const STAGES = ["arrived", "paired", "fused", "published"];
const LATE = ["visible_superseded", "visible_overrun"];

const number = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const pair = (shares) => (shares ? `${number(shares.p50)} / ${number(shares.p99)} ms` : "–");
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const figure = (value) => (value > 0 && value < 0.1 ? "under 0.1" : value.toFixed(value < 10 ? 1 : 0));
const reasons = (counts) =>
  Object.entries(counts).map(([why, count]) => `${count} ${why.replaceAll("_", " ")}`).join(", ");

export async function watch() {
  try {
    if (!document.hidden) tell(await call("api/status"));
  } catch {
    tellHealth("bad", "the run does not answer", "It has ended, or this machine does not reach it.");
  }
  setTimeout(watch, STATUS_EVERY_MS);
}

function tell(status) {
  const recent = status.recent;
  tellHealth(...health(status, paceOf(status)));
  at("still").hidden = !(status.fused && status.not_ready);
  at("still").textContent = `standing still: ${status.not_ready}`;
  at("rate").textContent = `${number(recent.rate)} /s`;
  at("latency").textContent = pair(recent.latency_ms);
  at("age").textContent = pair(recent.capture_age_ms);
  at("pairing").textContent = pair(recent.pairing_error_ms);
  at("dropped").textContent = String(total(status.dropped));
  at("dropped").title = reasons(status.dropped);
  at("dropped").dataset.state = at("health").dataset.state === "wait" ? "wait" : "";
  tellCameras(status);
  tellDrift(status.drift);
  tellClip(status.clip);
  tellAccount(status);
  tellTemperature(status.temperature);
}

// ---- Header

let marks = [];

// Frames a second that are fused, and that could have been; null where cameras are kept up with.
function paceOf(status) {
  const late = LATE.reduce((sum, reason) => sum + (status.dropped[reason] ?? 0), 0);
  const now = { ms: performance.now(), fused: status.fused, late };
  if (marks.length && now.fused < marks[0].fused) marks = [];
  marks = [...marks.filter((mark) => now.ms - mark.ms <= WINDOW_MS), now];
  const took = (now.ms - marks[0].ms) / 1000;
  if (!Object.keys(status.cameras).length || took * 1000 < LEAST_MS) return null;
  const rate = (now.fused - marks[0].fused) / took;
  const of = rate + (now.late - marks[0].late) / took;
  return rate < KEEPS_UP * of ? { rate, of } : null;
}

function health(status, pace) {
  if (status.not_pairing) return ["bad", "not pairing", status.not_pairing];
  if (pace || (status.too_slow && !status.not_ready)) {
    const advice = status.model === "full" ? "choose lite" : "make pictures smaller";
    const rates = pace ? `fusing ${figure(pace.rate)} of ${figure(pace.of)} pairs/s` : "too slow";
    const how = status.model === "full" ? "--model lite" : "--scale 0.5, or smaller pictures from the cameras,";
    const why = `Frames are dropped, since this machine fuses slower than they come; ${how} would keep up better.`;
    return ["wait", `${rates}: ${advice}`, status.too_slow || why];
  }
  if (status.not_ready) return [status.fused ? "bad" : "wait", status.not_ready, ""];
  const all = Object.values(status.cameras).every((camera) => camera.state === "streaming");
  return [all ? "good" : "wait", all ? "fusing" : waitingFor(status.cameras), ""];
}

function waitingFor(cameras) {
  const away = Object.keys(cameras).filter((side) => cameras[side].state !== "streaming");
  return `${away.join(" and ")} camera ${cameras[away[0]].state}`;
}

let announced = "";

function tellHealth(kind, words, why) {
  at("health").dataset.state = kind;
  if (at("health").textContent !== words) at("health").textContent = words;
  at("health").title = why;
  at("why").textContent = why;
  // Said aloud when it changes, not with every figure.
  const plain = words.replace(/[\d.]+/g, "");
  if (plain !== announced) at("announced").textContent = `${words}. ${why}`;
  announced = plain;
}

// ---- Cameras, drift, clip

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

// The end of a long name, from the last folder on where that fits.
function shortened(name) {
  if (name.length <= LONGEST_NAME) return name;
  const end = name.slice(1 - LONGEST_NAME);
  const slash = end.indexOf("/");
  return `…${slash > 0 ? end.slice(slash) : end}`;
}

function tellDrift(drift) {
  at("drift").hidden = drift?.verdict !== "moved";
  at("drift").firstElementChild.textContent = drift?.sentence ?? "";
  at("drift").lastElementChild.hidden = !drift?.correction_px;
  state.correction = drift?.correction_px ?? null;
}

export function tellClip(clip) {
  if (clip.why && state.recording) say(`The recording was given up: ${clip.why}`, true);
  state.recording = clip.recording;
  at("clip").setAttribute("aria-pressed", clip.recording);
  at("clip").lastChild.textContent = clip.recording ? `ecording, ${clip.frames} frames` : "ecord";
}

// ---- Table

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
  for (const stage of STAGES) {
    const age = status.ages_ms[stage];
    if (age) rows.push([`age when ${stage}`, pair(age), "since capture, median and 1 in 100 of the run"]);
  }
  if (status.clocks) rows.push(["clock offset", `${number(status.clocks.offset_ms)} ms`, ""]);
  rows.push([status.device.name ?? "device", status.precision, status.device.why ?? ""]);
  if (status.model) rows.push(["network", status.model, ""]);
  at("account").tBodies[0].replaceChildren(...rows.map(([name, value, more]) => {
    const row = document.createElement("tr");
    const first = element("th", name);
    first.scope = "row";
    first.append(element("small", more));
    row.append(first, element("td", value));
    return row;
  }));
}
