// Both pictures on each other, with handles to drag. Pixel centres lie at whole numbers, as everywhere in gifnet.

const at = (id) => document.getElementById(id);

export class Stage {
  // `told` has move(right, down) of the whole picture in visible pixels, put(index, place), choose(index), add(place).
  constructor(visible, thermal, told) {
    this.visible = visible;
    this.thermal = thermal;
    this.told = told;
    this.matrix = null;
    this.places = [];
    const stage = at("stage");
    stage.addEventListener("pointerdown", (event) => this.drag(event));
    stage.addEventListener("dblclick", (event) => told.add(this.place(event)));
    new ResizeObserver(() => this.fit()).observe(at("window").parentElement);
    this.fit();
  }

  // The visible picture as large as its window shows it whole, times the zoom.
  fit() {
    const frame = at("window");
    const most = Math.max(200, parseFloat(getComputedStyle(frame).maxHeight) || innerHeight * 0.7);
    const whole = Math.min(frame.clientWidth / this.visible[0], most / this.visible[1]);
    this.scale = whole * Number(at("zoom").value);
    at("visible").style.width = `${this.visible[0] * this.scale}px`;
    at("visible").style.height = `${this.visible[1] * this.scale}px`;
    at("thermal").style.width = `${this.thermal[0]}px`;
    at("thermal").style.height = `${this.thermal[1]}px`;
    this.draw();
  }

  // A place on the screen, in visible pixels.
  place(event) {
    const box = at("stage").getBoundingClientRect();
    return [(event.clientX - box.left) / this.scale - 0.5, (event.clientY - box.top) / this.scale - 0.5];
  }

  drag(event) {
    const handle = event.target.closest(".handle");
    if (!handle && "held" in at("stage").dataset) return;
    if (!handle && event.pointerType === "touch" && Number(at("zoom").value) > 1) return;
    event.preventDefault();
    const index = handle ? Number(handle.dataset.index) : null;
    const from = this.place(event);
    const grip = handle ? this.places[index].map((value, axis) => value - from[axis]) : null;
    let last = from;
    if (handle) {
      this.told.choose(index);
      at("handles").children[index].focus({ preventScroll: true });
    }
    const follow = (move) => {
      const here = this.place(move);
      if (handle) this.told.put(index, [here[0] + grip[0], here[1] + grip[1]]);
      else this.told.move(here[0] - last[0], here[1] - last[1]);
      last = here;
    };
    const leave = () => {
      removeEventListener("pointermove", follow);
      removeEventListener("pointerup", leave);
      removeEventListener("pointercancel", leave);
    };
    addEventListener("pointermove", follow);
    addEventListener("pointerup", leave);
    addEventListener("pointercancel", leave);
  }

  // Show the thermal picture and the points where a fit brings them.
  show(matrix, places, points, chosen, worst) {
    this.matrix = matrix;
    this.places = places;
    const layer = at("handles");
    while (layer.children.length > places.length) layer.lastChild.remove();
    while (layer.children.length < places.length) layer.append(this.handle(layer.children.length));
    places.forEach((place, index) => {
      const handle = layer.children[index];
      handle.toggleAttribute("data-put", points[index].visible !== null);
      handle.toggleAttribute("data-worst", worst === index);
      handle.setAttribute("aria-pressed", index === chosen);
    });
    this.draw();
  }

  handle(index) {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "handle";
    handle.dataset.index = index;
    handle.dataset.number = index + 1;
    handle.setAttribute("aria-label", `Point ${index + 1}`);
    handle.addEventListener("focus", () => this.told.choose(index));
    return handle;
  }

  draw() {
    if (!this.matrix) return;
    const half = [[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]];
    const back = [[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]];
    const grow = [[this.scale, 0, 0], [0, this.scale, 0], [0, 0, 1]];
    const [a, b, c] = times(times(times(grow, half), this.matrix), back);
    const numbers = [a[0], b[0], 0, c[0], a[1], b[1], 0, c[1], 0, 0, 1, 0, a[2], b[2], 0, c[2]];
    at("thermal").style.transform = `matrix3d(${numbers.map((number) => number.toFixed(12)).join(",")})`;
    this.places.forEach((place, index) => {
      const handle = at("handles").children[index];
      handle.style.left = `${(place[0] + 0.5) * this.scale}px`;
      handle.style.top = `${(place[1] + 0.5) * this.scale}px`;
    });
  }
}

// The thermal place of a visible one.
export function thermalPlace(matrix, [x, y]) {
  const [right, down, depth] = inverse(matrix).map((row) => row[0] * x + row[1] * y + row[2]);
  return [right / depth, down / depth];
}

function times(one, other) {
  return one.map((row) => [0, 1, 2].map((column) => row.reduce((sum, value, k) => sum + value * other[k][column], 0)));
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  return rows;
}
