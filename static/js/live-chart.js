/** Small charts as inline SVG. Colours are the page's: CSS classes only. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 320;
const HEIGHT = 150;
const LEFT = 8;
const RIGHT = WIDTH - 8;
const TOP = 22;
const BOTTOM = HEIGHT - 24;
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/**
 * The next of 1, 2, 5, 10, 20, 50, … that is not below a value, so that the scale
 * does not change with every sample.
 *
 * @param {number} value
 * @param {number} [least]
 */
export function niceCeiling(value, least = 1) {
  const wanted = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= wanted);
}

/**
 * Known values that follow each other: a line is not drawn over what is not known.
 *
 * @param {(number | null)[]} values
 * @returns {number[][]} indexes
 */
export function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) found.push([]);
    found.at(-1).push(index);
  });
  return found;
}

class Chart {
  /**
   * @param {HTMLElement} parent
   * @param {string} title
   * @param {(value: number) => string} word
   * @param {string} name of its colour, as a class
   * @param {number} [least] top of the scale when all is quiet
   */
  constructor(parent, title, word, name, least = 1) {
    this.title = title;
    this.word = word;
    this.least = least;
    const figure = parent.appendChild(document.createElement("figure"));
    figure.className = `live-chart live-chart-${name}`;
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = title;
    this.now = caption.appendChild(document.createElement("strong"));
    this.svg = figure.appendChild(element("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-labelledby": `live-${name}-title live-${name}-text`,
    }));
    this.svg.append(
      element("title", { id: `live-${name}-title` }, `${title}, the last ten minutes`),
      element("desc", { id: `live-${name}-text` }, "No figures yet."),
    );
    this.text = this.svg.querySelector("desc");
    this.drawing = this.svg.appendChild(element("g", { "aria-hidden": "true" }));
  }

  /**
   * @param {(number | null)[]} values the latest last; null where not known
   * @param {{end: number, step: number}} scale Unix ms of the last, ms between two
   */
  show(values, { end, step }) {
    const known = values.filter((value) => value !== null);
    const top = niceCeiling(Math.max(0, ...known), this.least);
    const start = end - (values.length - 1) * step;
    this.text.textContent = known.length ? this.describe(values, known) : "No figures yet.";
    this.now.textContent = this.summary(values);
    this.drawing.replaceChildren(
      ...this.grid(top),
      ...this.marks(values, (value) => BOTTOM - ((BOTTOM - TOP) * value) / top),
      ...timeLabels(start, end),
    );
  }

  grid(top) {
    return [[BOTTOM, 0], [(TOP + BOTTOM) / 2, top / 2], [TOP, top]].flatMap(([y, value]) => {
      const line = element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y });
      if (value === 0 || value % 1) return [line];
      return [line, element("text", { class: "scale", x: LEFT, y: y - 4 }, this.word(value))];
    });
  }
}

export class LineChart extends Chart {
  summary(values) {
    const last = values.at(-1);
    return last === null ? "–" : this.word(last);
  }

  describe(values, known) {
    return `Now ${this.summary(values)}; between ${this.word(Math.min(...known))} ` +
      `and ${this.word(Math.max(...known))}.`;
  }

  marks(values, y) {
    const x = (index) => LEFT + ((RIGHT - LEFT) * index) / (values.length - 1);
    return runs(values).flatMap((run) => {
      const points = run.map((index) => `${x(index).toFixed(1)},${y(values[index]).toFixed(1)}`);
      if (points.length === 1) {
        return [element("circle", { class: "dot", cx: x(run[0]), cy: y(values[run[0]]), r: 2.5 })];
      }
      const [left, right] = [x(run[0]).toFixed(1), x(run.at(-1)).toFixed(1)];
      return [
        element("path", {
          class: "area", d: `M${left},${BOTTOM} L${points.join(" L")} L${right},${BOTTOM} Z`,
        }),
        element("path", { class: "line", d: `M${points.join(" L")}` }),
      ];
    });
  }
}

export class BarChart extends Chart {
  summary(values) {
    return `${this.word(values.reduce((sum, value) => sum + value, 0))} in all`;
  }

  describe(values, known) {
    return `${this.summary(values)}; at most ${this.word(Math.max(...known))} in ten seconds.`;
  }

  marks(values, y) {
    const width = (RIGHT - LEFT) / values.length;
    return values.flatMap((value, index) => (value === 0 ? [] : [element("rect", {
      class: "bar",
      x: (LEFT + width * index).toFixed(1),
      y: y(value).toFixed(1),
      width: Math.max(1, width - 1).toFixed(1),
      height: (BOTTOM - y(value)).toFixed(1),
    })]));
  }
}

function timeLabels(start, end) {
  const y = HEIGHT - 7;
  return [
    element("text", { class: "time", x: LEFT, y }, time.format(start)),
    element("text", { class: "time middle", x: WIDTH / 2, y }, time.format((start + end) / 2)),
    element("text", { class: "time end", x: RIGHT, y }, time.format(end)),
  ];
}

function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}
