// What the parts of the page share: its state, requests to the run, and sentences for people.

export const RETRY_MS = 1000;

export const at = (id) => document.getElementById(id);

// wipe: percent of the picture that shows the left view. layout: wipe, one (the right view) or three.
export const state = {
  layout: "wipe", left: "visible", right: "fused", wipe: 50, colours: "heat",
  index: null, values: {}, recording: false, correction: null, radiometric: false,
};

export function say(sentence, bad = false) {
  at("said").textContent = sentence;
  at("said").dataset.state = bad ? "bad" : "";
}

export async function call(path, method, body) {
  const options = { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, body === undefined ? {} : options);
  const words = await answer.json();
  if (!answer.ok) throw new Error(words.error);
  return words;
}

export function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

// What a person chose stays with the browser; one that keeps nothing does without.
export function recall(key) {
  try {
    return localStorage.getItem(`gifnet.${key}`);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`gifnet.${key}`, value);
  } catch { /* private windows */ }
}
