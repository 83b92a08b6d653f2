// What the two pages share on which pictures are aligned by hand: the verdict, the list of points, requests.

import { at } from "./shared.js";

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// True where keys belong to a field or to the browser.
export const isTyping = (event) =>
  event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey;

// `tone` is good, bad or empty.
export function verdict(text, tone = "") {
  at("verdict").textContent = text;
  at("verdict").dataset.state = tone;
}

// A function that runs `update`; called while that is busy, it runs it once more afterwards. `update` is given a
// function that tells whether its answer is outdated already.
export function latestOnly(update) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await update(() => again);
      }
    } finally {
      running = false;
    }
  };
}

// The list of points. A row has a number, its error in words, a button, and whether it is chosen or the worst.
export function showRows(rows) {
  at("list").tBodies[0].replaceChildren(...rows.map(({ number, error, button, chosen, worst }) => {
    const row = document.createElement("tr");
    row.setAttribute("aria-selected", chosen);
    row.toggleAttribute("data-worst", worst);
    row.append(...[number, error, button].map((content) => {
      const cell = document.createElement("td");
      cell.append(content);
      return cell;
    }));
    return row;
  }));
}

export function rowButton(text, label, press, disabled = false) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: text, disabled });
  button.setAttribute("aria-label", label);
  button.addEventListener("click", press);
  return button;
}
