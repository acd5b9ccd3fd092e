// From a picture to boxes in reading order: grey, ink, connected components, lines, words. The simple path of the
// package (its notebook "Segmentation" tells why each step); what touches is not cut apart here.

/** Grey bytes of an ImageData, weighted as ITU-R BT.601 does. */
export function toGrey({ data, width, height }) {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  return grey;
}

/** Mean of `values` over a square of side 2 * radius + 1 around each pixel, where `use` allows it. */
function localMean(values, use, width, height, radius) {
  const stride = width + 1;
  const sums = new Float64Array(stride * (height + 1));
  const counts = new Float64Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let sum = 0;
    let count = 0;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (!use || use[i]) {
        sum += values[i];
        count++;
      }
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + sum;
      counts[(y + 1) * stride + x + 1] = counts[y * stride + x + 1] + count;
    }
  }
  const out = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    const y0 = Math.max(0, y - radius) * stride;
    const y1 = Math.min(height, y + radius + 1) * stride;
    for (let x = 0; x < width; x++) {
      const x0 = Math.max(0, x - radius);
      const x1 = Math.min(width, x + radius + 1);
      const count = counts[y1 + x1] - counts[y0 + x1] - counts[y1 + x0] + counts[y0 + x0];
      const sum = sums[y1 + x1] - sums[y0 + x1] - sums[y1 + x0] + sums[y0 + x0];
      out[y * width + x] = count > 0 ? sum / count : values[y * width + x];
    }
  }
  return out;
}

/** Otsu's threshold: the grey level that parts the histogram with the largest variance between both sides. */
export function otsu(values) {
  const histogram = new Float64Array(256);
  for (const v of values) histogram[v]++;
  let all = 0;
  for (let v = 0; v < 256; v++) all += v * histogram[v];
  let [best, at, weight, sum] = [-1, 0, 0, 0];
  for (let v = 0; v < 256; v++) {
    weight += histogram[v];
    sum += v * histogram[v];
    const rest = values.length - weight;
    if (weight === 0 || rest === 0) continue;
    const between = weight * rest * (sum / weight - (all - sum) / rest) ** 2;
    if (between > best) [best, at] = [between, v];
  }
  return at;
}

export const SHARE = 0.8; // of Otsu's threshold: soft edges and thin strokes are ink as well
const LEAST_CONTRAST = 28; // grey levels by which ink differs from its paper; less is paper grain and shadow

/** Ink bytes (white on black) from grey: how much darker each pixel is than the paper around it. */
export function toInk(grey, width, height) {
  const light = new Uint8Array(grey);
  const whole = grey.reduce((a, b) => a + b, 0) / grey.length;
  const level = otsu(grey);
  const dark = grey.reduce((a, v) => a + (v <= level), 0);
  if (dark > grey.length / 2 && whole < 110) for (let i = 0; i < light.length; i++) light[i] = 255 - grey[i]; // chalk on a board
  const radius = Math.max(12, Math.round(Math.min(width, height) / 8));
  const first = localMean(light, null, width, height, radius);
  const paper = new Uint8Array(light.length);
  for (let i = 0; i < light.length; i++) paper[i] = light[i] > first[i] - LEAST_CONTRAST / 2;
  const background = localMean(light, paper, width, height, radius);
  const ink = new Uint8Array(light.length);
  for (let i = 0; i < light.length; i++) ink[i] = Math.max(0, Math.min(255, background[i] - light[i]));
  return ink;
}

/** Label of each pixel's 8-connected component, and each component's box and area. */
export function components(mask, width, height) {
  const labels = new Int32Array(mask.length);
  const found = [];
  const stack = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || labels[start]) continue;
    const label = found.length + 1;
    let [x0, y0, x1, y1, area] = [width, height, 0, 0, 0];
    labels[start] = label;
    stack.push(start);
    while (stack.length) {
      const i = stack.pop();
      const x = i % width;
      const y = (i - x) / width;
      area++;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x);
      y0 = Math.min(y0, y);
      y1 = Math.max(y1, y);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const n = ny * width + nx;
          if (mask[n] && !labels[n]) {
            labels[n] = label;
            stack.push(n);
          }
        }
    }
    found.push({ labels: [label], x: x0, y: y0, w: x1 - x0 + 1, h: y1 - y0 + 1, area });
  }
  return { labels, found };
}

const overlap = (a, aSize, b, bSize) => Math.min(a + aSize, b + bSize) - Math.max(a, b);

function union(a, b) {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    labels: [...a.labels, ...b.labels],
    area: a.area + b.area,
    x,
    y,
    w: Math.max(a.x + a.w, b.x + b.w) - x,
    h: Math.max(a.y + a.h, b.y + b.h) - y,
  };
}

/** Join pieces that stand over each other in one line: the bar of a 5, the strokes of an E. */
function joinPieces(pieces, size) {
  const parts = [...pieces];
  for (let again = true; again; ) {
    again = false;
    search: for (let i = 0; i < parts.length; i++)
      for (let j = i + 1; j < parts.length; j++) {
        const [a, b] = [parts[i], parts[j]];
        const across = overlap(a.x, a.w, b.x, b.w);
        const gap = -overlap(a.y, a.h, b.y, b.h);
        const small = Math.min(a.h, b.h) < 0.7 * size || gap < 0;
        if (across > 0.5 * Math.min(a.w, b.w) && gap < 0.25 * size && small && union(a, b).h < 2 * size) {
          parts.splice(j, 1);
          parts[i] = union(a, b);
          again = true;
          break search;
        }
      }
  }
  return parts;
}

/** Group boxes in lines from top to bottom, each from left to right; a line may climb or fall. */
function toLines(boxes) {
  const lines = [];
  for (const box of [...boxes].sort((a, b) => a.x + a.w / 2 - b.x - b.w / 2)) {
    let home = null;
    let most = 0.35;
    for (const line of lines) {
      const near = line.at(-1); // the neighbour to the left
      const share = overlap(near.y, near.h, box.y, box.h) / Math.min(near.h, box.h);
      if (share > most) [home, most] = [line, share];
    }
    if (home) home.push(box);
    else lines.push([box]);
  }
  const middle = (line) => line.reduce((s, b) => s + b.y + b.h / 2, 0) / line.length;
  return lines.sort((a, b) => middle(a) - middle(b));
}

/** Frames and table lines: pieces whose box holds two others or more. */
function withoutFrames(pieces) {
  const inside = (a, b) => a.x >= b.x && a.y >= b.y && a.x + a.w <= b.x + b.w && a.y + a.h <= b.y + b.h;
  return pieces.filter((frame) => pieces.filter((p) => p !== frame && p.area > 0.002 * frame.w * frame.h && inside(p, frame)).length < 2);
}

const WORD_GAP = 0.5; // letter heights: white from which a word may end
const WIDER = 1.6; // times the usual white of its line: white at which it does
const HEARD = 0.4; // probability of a space, by the line network, at which it does as well

/**
 * Cut a line of characters {box, space} in words, where the white is wide for the letters, and wide for its line or a
 * space to the line network.
 */
export function toWords(line) {
  const letter = letterHeight(line.map((c) => c.box));
  const gaps = line.slice(1).map(({ box }, i) => box.x - (line[i].box.x + line[i].box.w));
  const real = gaps.filter((g) => g > 0).sort((a, b) => a - b);
  const usual = gaps.length > 2 ? (real[real.length >> 1] ?? 0) : 0;
  const words = [[]];
  line.forEach((character, i) => {
    const gap = i ? gaps[i - 1] : 0;
    if (gap > WORD_GAP * letter && (gap > WIDER * usual || character.space > HEARD)) words.push([]);
    words.at(-1).push(character);
  });
  return words;
}

/** Lay the ink of a box, columns `from` to `to`, on `target`, whose corner is (left, top): other components are left out. */
export function cutInk({ ink, labels, width }, box, from, to, target, left, top, targetWidth) {
  const own = new Set(box.labels);
  for (let y = box.y; y < box.y + box.h; y++)
    for (let x = from; x < to; x++) {
      const i = y * width + x;
      if (labels[i] === 0 || own.has(labels[i])) {
        const t = (y - top) * targetWidth + x - left;
        target[t] = Math.max(target[t], ink[i]);
      }
    }
}

/** The height at which half of all heights added up is reached: specks hardly weigh in it. */
export function letterHeight(boxes) {
  const heights = boxes.map((b) => b.h).sort((a, b) => b - a);
  const total = heights.reduce((a, b) => a + b, 0);
  let run = 0;
  return heights.find((h) => (run += h) >= total / 2) ?? 0;
}

/**
 * Find the ink of a picture that may be characters.
 * grey: bytes, row by row. whole: take all ink as one character. share: of Otsu's threshold, from which ink counts.
 * marks: keep small ink, as there are classes such as a comma.
 * Returns {ink, mask, labels, level, width, height, lines}: lines of boxes {x, y, w, h, labels}, in reading order.
 */
export function findCharacters(grey, width, height, { whole = false, share = SHARE, marks = false } = {}) {
  const ink = toInk(grey, width, height);
  const strong = ink.filter((v) => v >= LEAST_CONTRAST / 2);
  const least = LEAST_CONTRAST * Math.min(1, share / SHARE);
  const level = Math.min(250, Math.max(least, strong.length ? otsu(strong) * share : 255));
  const mask = Uint8Array.from(ink, (v) => v >= level);
  const { labels, found } = components(mask, width, height);
  const edge = (b) => b.w > 0.9 * width || b.h > 0.9 * height;
  let pieces = whole ? found.filter((b) => b.area > 4) : withoutFrames(found.filter((b) => b.area > 8 && !edge(b)));
  if (pieces.length === 0) pieces = found.filter((b) => b.area > 8);
  const size = letterHeight(pieces);
  if (whole && pieces.length) pieces = [pieces.reduce(union)];
  else {
    const [speck, part] = marks ? [0.08, 0.08] : [0.2, 0.35];
    pieces = pieces.filter((b) => Math.max(b.w, b.h) > speck * size);
    pieces = pieces.filter((b) => !(b.w > 8 * b.h && b.w > 2.5 * size && b.h < 0.5 * size)); // ruled lines
    pieces = joinPieces(pieces, size).filter((b) => b.h > part * size || b.w > 0.6 * size);
  }
  return { ink, mask, labels, level, width, height, lines: toLines(pieces) };
}

const LOOK_ALIKES = [["0", "O"], ["1", "I"], ["5", "S"]]; // digit and letter that one stroke cannot tell apart

/** The neighbour rule of customocr.confusion_fixes: a look-alike among letters is the letter, among digits the digit. */
export function neighbourFix(characters) {
  const text = [...characters];
  const toLetter = Object.fromEntries(LOOK_ALIKES);
  const toDigit = Object.fromEntries(LOOK_ALIKES.map(([digit, letter]) => [letter, digit]));
  const certain = (some) => {
    for (const c of some) {
      if (/\s/.test(c)) break;
      if (!(c in toLetter || c in toDigit)) return c;
    }
    return null;
  };
  return text.map((c, i) => {
    if (!(c in toLetter || c in toDigit)) return c;
    const sides = [certain(text.slice(0, i).reverse()), certain(text.slice(i + 1))].filter((n) => n !== null);
    const digits = new Set(sides.map((n) => /[0-9]/.test(n)));
    if (digits.size !== 1) return c;
    return digits.has(true) ? (toDigit[c] ?? c) : (toLetter[c] ?? c);
  });
}
