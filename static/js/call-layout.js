/**
 * Where the tiles of a call go: arithmetic only. Lengths are CSS pixels, positions
 * are from the upper left corner of the stage.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 */

const GAP = 8;
const SMALLEST_TILE = 132;
const NARROW = 640;
const INSET_SHARE = 0.42;
// So much smaller may tiles be for fewer rows, which are easier to look over.
const NEARLY = 0.93;

/** The shape of a tile: on a phone held upright a little higher than a film's. */
const tileRatio = (width, height) => (width < NARROW && height > width ? 4 / 3 : 16 / 9);

/**
 * Equal tiles, as large as they can be. Where they would be too small to be of use
 * the last rows lie below the stage, which scrolls.
 *
 * @param {number} count
 * @param {Box} area
 * @param {number} ratio width over height of a tile
 * @param {number} [smallest] width of a tile below which the stage scrolls instead
 * @returns {Box[]}
 */
export function grid(count, area, ratio, smallest = SMALLEST_TILE) {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = Math.min(
      (area.width - GAP * (columns - 1)) / columns,
      ((area.height - GAP * (rows - 1)) / rows) * ratio);
    if (width > best.width * NEARLY) best = { columns, width };
  }
  if (best.width < smallest) {
    const columns = Math.max(1, Math.floor((area.width + GAP) / (smallest + GAP)));
    best = { columns, width: (area.width - GAP * (columns - 1)) / columns };
  }
  const { columns, width } = best;
  const height = width / ratio;
  const rows = Math.ceil(count / columns);
  const top = area.y + Math.max(0, (area.height - rows * height - GAP * (rows - 1)) / 2);
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    // A last row that is not full is centred.
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = area.x + (area.width - inRow * width - GAP * (inRow - 1)) / 2;
    return {
      x: left + (index % columns) * (width + GAP), y: top + row * (height + GAP),
      width, height,
    };
  });
}

/** @param {Box} area @param {number} ratio @returns {Box} the largest, centred */
export function fit(area, ratio) {
  const width = Math.min(area.width, area.height * ratio);
  const height = width / ratio;
  return {
    x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2,
    width, height,
  };
}

/** One large tile, the others beside it (wide stage) or below it (high stage). */
function spotlight(count, large, width, height) {
  const others = count - 1;
  if (others === 0) return [fit({ x: 0, y: 0, width, height }, 16 / 9)];
  const isWide = width > height * 1.2;
  const main = isWide
    ? { x: 0, y: 0, width: Math.round(width * (others > 5 ? 0.7 : 0.78)) - GAP, height }
    : { x: 0, y: 0, width, height: Math.min(height * 0.65, width / (16 / 9)) };
  const rest = isWide
    ? { x: main.width + GAP, y: 0, width: width - main.width - GAP, height }
    : { x: 0, y: main.height + GAP, width, height: height - main.height - GAP };
  const boxes = grid(others, rest, 16 / 9, 64);
  boxes.splice(large, 0, fit(main, 16 / 9));
  return boxes;
}

/** Two people: the other one large, this one small in the corner. */
function pair(width, height, ratio) {
  const inset = Math.min(240, Math.max(96, Math.min(width, height) * INSET_SHARE));
  const small = { width: inset, height: inset / (16 / 9) };
  return [
    { x: width - small.width - GAP, y: height - small.height - GAP, ...small },
    fit({ x: 0, y: 0, width, height }, ratio),
  ];
}

/**
 * @param {object} stage
 * @param {number} stage.count of tiles, this person's own first
 * @param {number} stage.width
 * @param {number} stage.height
 * @param {number} [stage.large] index of the tile to show large; -1: none
 * @param {boolean} [stage.isPair] a call between two
 * @param {number} [stage.ratio] of the other one's picture, in a call between two
 * @returns {Box[]} one for each tile
 */
export function arrange({ count, width, height, large = -1, isPair = false, ratio = 16 / 9 }) {
  if (count === 0 || width <= 0 || height <= 0) return [];
  if (isPair && count === 2) return pair(width, height, ratio);
  if (large >= 0) return spotlight(count, large, width, height);
  const area = { x: 0, y: 0, width, height };
  return grid(count, area, tileRatio(width, height));
}
