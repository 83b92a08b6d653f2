// Settings of the run: fields, presets of gain, and the nudge.

import { at, call, element, RETRY_MS, say, state } from "./shared.js";

const NUDGES = ["registration.nudge_right_px", "registration.nudge_down_px"];
const PLAIN = {
  "gain.method": "auto", "gain.low": 1, "gain.high": 99.5, "gain.damping": 0.9, "gain.detail": 1, "gain.region": null,
};
const PRESETS = {
  standard: PLAIN,
  details: { ...PLAIN, "gain.method": "clahe", "gain.contrast": 3, "gain.detail": 2 },
  even: { ...PLAIN, "gain.method": "plateau", "gain.plateau": 0.05 },
  "no sky": { ...PLAIN, "gain.region": "0,0.3,1,1" },
  people: {
    ...PLAIN, "gain.method": "fixed", "gain.span_unit": "celsius", "gain.span_low": 10, "gain.span_high": 40,
  },
};
const MEANING = {
  standard: "what each thermal picture needs, between its darkest and its brightest hundredth",
  details: "contrast by regions (CLAHE), and small details twice as strong",
  even: "all levels used alike (plateau equalisation)",
  "no sky": "the upper third of the picture is not measured",
  people: "10 to 40 °C, always the same grey for the same temperature",
};

export async function loadSettings() {
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
  const box = element("div", "");
  const label = element("label", key.replaceAll("_", " ").replace(/ (ms|px|m|s)$/, ", $1"));
  const field = setting.choices ? document.createElement("select") : document.createElement("input");
  const error = element("p", "");
  field.id = `set-${setting.place}`;
  error.id = `wrong-${setting.place}`;
  error.className = "wrong";
  error.setAttribute("role", "alert");
  box.className = "setting";
  box.title = label.title = setting.description;
  label.htmlFor = field.id;
  field.setAttribute("aria-describedby", error.id);
  if (setting.choices) field.append(...setting.choices.map((choice) => new Option(choice, choice)));
  else if (typeof setting.default === "boolean") field.type = "checkbox";
  else field.inputMode = setting.words ? "text" : "decimal";
  field.dataset.place = setting.place;
  field.addEventListener("change", () => change({ [setting.place]: valueOf(field) }, field));
  box.append(label, field, error);
  at(`${section}-settings`)?.append(box);
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
    complain(field, "");
  }
  at("nudged").textContent = `${NUDGES.map((place) => values[place]).join(", ")} px`;
}

// The sentence stands beside its field, where a finger that typed it sees it.
function complain(field, sentence) {
  if (sentence) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  at(`wrong-${field.dataset.place}`).textContent = sentence.replace(/^the change: /, "").replace(`${field.dataset.place}: `, "");
}

async function change(values, field) {
  try {
    showValues((await call("api/settings", "PATCH", values)).values);
    if (field) complain(field, "");
    const few = Object.entries(values).slice(0, 3);
    say(few.map(([place, value]) => `${place} is ${value ?? "not set"}`).join(", "));
    return true;
  } catch (error) {
    if (field) complain(field, error.message);
    say(error.message, true);
    return false;
  }
}

// Keys repeat faster than the server answers; what is still to be sent adds up.
let pending = null;

export async function nudge(right, down) {
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

function addPresets() {
  for (const [name, values] of Object.entries(PRESETS)) {
    const button = element("button", name);
    Object.assign(button, { type: "button", title: MEANING[name] });
    if (name === "people") {
      button.dataset.radiometric = "";
      button.hidden = true;
    }
    button.addEventListener("click", async () => {
      if (await change(values)) say(`${name}: ${MEANING[name]}`);
    });
    at("presets").append(button);
  }
}

export function beginSettings() {
  addPresets();
  for (const button of document.querySelectorAll("#pad [data-right]")) {
    button.addEventListener("click", (event) => {
      const step = event.shiftKey ? 10 : 1;
      nudge(step * Number(button.dataset.right), step * Number(button.dataset.down));
    });
  }
  at("drift").lastElementChild.addEventListener("click", () => state.correction && nudge(...state.correction));
  at("centre").addEventListener("click", () => change({ [NUDGES[0]]: 0, [NUDGES[1]]: 0 }));
  loadSettings();
}
