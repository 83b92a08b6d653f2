// All pairs of a fleet, asked every two seconds; a picture is loaded anew only for a pair that fuses.
const EVERY_MS = 2000;
const list = document.getElementById("pairs");
const summary = document.getElementById("summary");
const cards = new Map();

function card(name) {
  const item = document.createElement("li");
  const parts = { item, title: document.createElement("h2"), image: new Image(), lines: [] };
  parts.title.textContent = name;
  parts.image.alt = `newest fused picture of ${name}`;
  parts.image.hidden = true;
  parts.image.onload = () => { parts.image.hidden = false; };
  parts.image.onerror = () => { parts.image.hidden = true; };
  item.append(parts.title, parts.image);
  for (let number = 0; number < 3; number += 1) {
    parts.lines.push(item.appendChild(document.createElement("p")));
  }
  list.append(item);
  return parts;
}

function sum(counts) {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function show(pair) {
  if (!cards.has(pair.name)) cards.set(pair.name, card(pair.name));
  const parts = cards.get(pair.name);
  parts.item.className = pair.state === "running" ? "running" : "";
  const where = pair.node ? ` on ${pair.node}` : "";
  const cameras = Object.entries(pair.cameras).map(([side, state]) => `${side} ${state}`).join(", ");
  parts.lines[0].textContent = `${pair.state}${where}${pair.why ? `: ${pair.why}` : ""}`;
  parts.lines[1].textContent =
    `${pair.rate.toFixed(1)} frames/s, ${pair.fused} fused, ${sum(pair.dropped)} dropped, ${pair.restarts} restarts`;
  parts.lines[2].textContent = [cameras, ...pair.notes].filter(Boolean).join("; ");
  if (pair.state === "running") {
    parts.image.src = `api/picture/${encodeURIComponent(pair.name)}?${Date.now()}`;
  }
}

async function look() {
  try {
    const answer = await fetch("api/pairs");
    if (!answer.ok) throw new Error((await answer.json()).error);
    const { pairs } = await answer.json();
    pairs.forEach(show);
    for (const [name, parts] of cards) {
      if (!pairs.some((pair) => pair.name === name)) {
        parts.item.remove();
        cards.delete(name);
      }
    }
    const running = pairs.filter((pair) => pair.state === "running").length;
    summary.textContent = `${running} of ${pairs.length} pairs run`;
  } catch (error) {
    summary.textContent = `the fleet does not answer: ${error.message}`;
  }
  setTimeout(look, EVERY_MS);
}

look();
