// A line read as a whole, customocr/line_network.py in JavaScript: a strip of the line goes through the line network,
// which says at each step what it sees; what it says of a candidate box is weighed with what the character network says.
// Python's decoder does the same with more candidates, a third network and a prior of words.

export const LETTER_ROWS = 20; // pixels, height of the letters on a strip of 32 rows
const FAINTEST = 48; // of 255: weaker ink is not made darker than this allows
const BESIDE = 0.5; // letter heights of paper left and right of the ink
const LEVEL_FROM = 4; // letter heights: shorter lines say little about their slope
const STEEPEST = 0.3; // dy/dx of a line

/** Slope, ends and the middle of the letters of a line of boxes. */
function level(boxes, letter) {
  const left = Math.min(...boxes.map((b) => b.x));
  const right = Math.max(...boxes.map((b) => b.x + b.w));
  const some = boxes.filter((b) => b.h >= 0.5 * letter);
  const tall = (some.length ? some : boxes).map((b) => [b.x + b.w / 2, b.y + b.h / 2]);
  const mean = (i) => tall.reduce((s, p) => s + p[i], 0) / tall.length;
  const [mx, my] = [mean(0), mean(1)];
  const spread = tall.reduce((s, [x]) => s + (x - mx) ** 2, 0);
  const wide = Math.max(...tall.map((p) => p[0])) - Math.min(...tall.map((p) => p[0]));
  const fits = tall.length >= 3 && wide > LEVEL_FROM * letter;
  const climb = fits ? tall.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / spread : 0;
  const slope = Math.max(-STEEPEST, Math.min(STEEPEST, climb));
  const offs = tall.map(([x, y]) => y - slope * (x - (left + right) / 2)).sort((a, b) => a - b);
  const half = offs.length >> 1;
  return { slope, left, right, cy: offs.length % 2 ? offs[half] : (offs[half - 1] + offs[half]) / 2 };
}

/**
 * Bring a line of boxes level and to one height. ink: bytes of the whole picture, white on black.
 * Returns {pixels, width, rows, x0, factor}: the strip, its width a multiple of 4, and the way back to the picture.
 */
export function lineStrip(ink, width, height, boxes, letter, rows) {
  const { slope, left, right, cy } = level(boxes, letter);
  const [x0, x1] = [left - BESIDE * letter, right + BESIDE * letter];
  const factor = (LETTER_ROWS * rows) / 32 / letter;
  const w = Math.max(8, Math.ceil((x1 - x0) * factor));
  const wide = 4 * Math.ceil(w / 4);
  const fine = Math.min(8, Math.max(1, Math.ceil(1 / factor))); // samples a pixel, each way: reduced by area
  const values = new Float32Array(rows * wide);
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : ink[y * width + x]);
  for (let v = 0; v < rows; v++)
    for (let u = 0; u < wide; u++) {
      let sum = 0;
      for (let k = 0; k < fine * fine; k++) {
        const x = (Math.min(u, w - 1) + ((k % fine) + 0.5) / fine - 0.5) / factor + x0;
        const y = (v + (Math.floor(k / fine) + 0.5) / fine - 0.5 - rows / 2) / factor + cy + slope * (x - (x0 + x1) / 2);
        const [i, j] = [Math.floor(x), Math.floor(y)];
        const [a, b] = [x - i, y - j];
        sum += (1 - b) * ((1 - a) * at(i, j) + a * at(i + 1, j)) + b * ((1 - a) * at(i, j + 1) + a * at(i + 1, j + 1));
      }
      values[v * wide + u] = sum / (fine * fine);
    }
  const sorted = Float32Array.from(values).sort();
  const darkest = Math.max(FAINTEST, sorted[Math.floor(0.995 * (sorted.length - 1))]);
  return { pixels: values.map((value) => Math.min(255, Math.round((value * 255) / darkest))), width: wide, rows, x0, factor };
}

// ---- what the steps say: rows of probabilities, the blank first, the space last

const WEAKEST = 0.02; // probability of saying anything from which a peak counts
const CLOSE = 0.3; // probability on both sides from which a change of character is a boundary
const DIP = 0.6; // of the lower peak: two peaks of one character with less of a dip between are one

const quietOf = (step) => step[0] + step.at(-1);

function bestOf(step) {
  let best = 1;
  for (let k = 2; k < step.length - 1; k++) if (step[k] > step[best]) best = k;
  return best;
}

/** The most probable symbol of each step, repeats written once, blanks left out. characters: those of the columns. */
export function greedyText(steps, characters) {
  const best = steps.map((step) => step.indexOf(Math.max(...step)));
  return best.map((k, t) => (k === best[t - 1] ? "" : ["", ...characters, " "][k])).join("");
}

/** Steps at which a character is said: local maxima, and changes from one character to the next. */
export function peaksOf(steps) {
  const said = steps.map((step) => 1 - quietOf(step));
  const best = steps.map(bestOf);
  const peaks = [];
  for (let t = 0; t < steps.length; t++) {
    const top = said[t] >= WEAKEST && said[t] > (said[t - 1] ?? 0) && said[t] >= (said[t + 1] ?? 0);
    const change = t > 0 && Math.min(said[t], said[t - 1]) > CLOSE && best[t] !== best[t - 1];
    if (!top && !change) continue;
    const last = peaks.at(-1);
    if (last !== undefined && best[last] === best[t]) {
      const dip = Math.min(...said.slice(last, t + 1));
      if (dip > DIP * Math.min(said[last], said[t])) {
        if (said[t] > said[last]) peaks[peaks.length - 1] = t;
        continue;
      }
    }
    peaks.push(t);
  }
  return peaks;
}

/** The step between two peaks that divides them: the middle of the quietest stretch. */
function bound(steps, a, b) {
  const quiet = steps.slice(a + 1, b).map(quietOf);
  const most = Math.max(...quiet);
  const low = [...quiet.keys()].filter((i) => quiet[i] >= most - 1e-6);
  return low.length ? a + 1 + low[low.length >> 1] : b;
}

/**
 * Where the network would cut: {from, to, column, step} for each two neighbouring characters. column: that with the
 * least ink between them; from, to: where they are said; all in pixels of the picture. step: what divides the steps.
 */
export function valleys(strip, steps) {
  const ink = new Float64Array(strip.width);
  strip.pixels.forEach((v, i) => (ink[i % strip.width] += v));
  const most = Math.max(...ink);
  const step = strip.width / steps.length;
  const back = (column) => strip.x0 + column / strip.factor;
  const peaks = peaksOf(steps);
  return peaks.slice(1).map((b, k) => {
    const [left, right] = [peaks[k], b].map((t) => Math.floor((t + 0.5) * step));
    const between = ink.slice(left, right + 1);
    const least = Math.min(...between);
    const low = [...between.keys()].filter((i) => between[i] <= least + 0.02 * most);
    return { from: back(left), to: back(right), column: back(left + low[low.length >> 1]), step: bound(steps, peaks[k], b) };
  });
}

/**
 * How probable it is that the steps from `first` on, up to each of `ends`, say one character, or nothing: the forward
 * sums of CTC (Graves et al., 2006) over the states before, in and after a character. A space counts as nothing.
 * Returns an array of {once: Float64Array(classes), nothing}.
 */
export function windowChances(steps, first, ends) {
  const classes = (steps[0]?.length ?? 2) - 2;
  const begun = new Float64Array(classes);
  const over = new Float64Array(classes);
  let nothing = 1;
  const out = [];
  let t = first;
  for (const end of ends) {
    for (; t < end; t++) {
      const quiet = quietOf(steps[t]);
      for (let k = 0; k < classes; k++) {
        over[k] = (over[k] + begun[k]) * quiet;
        begun[k] = (begun[k] + nothing) * steps[t][k + 1];
      }
      nothing *= quiet;
    }
    out.push({ once: begun.map((p, k) => p + over[k]), nothing });
  }
  return out;
}

// ---- the way through the candidates

export const LEAST = -18; // nats: no network is surer than this that a character is not there
const log = (p) => Math.max(LEAST, Math.log(p));
const addLogs = (a, b) => {
  const top = Math.max(a, b);
  return top === -Infinity ? top : top + Math.log(Math.exp(a - top) + Math.exp(b - top));
};

/**
 * Weigh both networks: the chances of a candidate's classes from its likelihoods and from what the steps under it say,
 * and its score, the log of their sum. allowed: which classes may occur. cut, step: weights of both.
 */
export function weigh(likelihood, once, allowed, cut, step) {
  const logs = Array.from(likelihood, (p, k) => (allowed[k] ? cut * log(p) + step * log(once[k]) : -Infinity));
  const score = logs.reduce(addLogs, -Infinity);
  return { score, chances: logs.map((v) => Math.exp(v - score)) };
}

/**
 * The best way from the first node to the last. edges: {start, end, score}, ordered by start; scores add up.
 * Returns the edges of that way, each with `posterior`: its share among all ways.
 */
export function bestPath(edges, nodes) {
  const [best, ahead, behind] = [0, 1, 2].map(() => new Float64Array(nodes).fill(-Infinity));
  best[0] = ahead[0] = behind[nodes - 1] = 0;
  const by = new Array(nodes);
  for (const edge of edges) {
    const { start, end, score } = edge;
    if (best[start] + score > best[end]) [best[end], by[end]] = [best[start] + score, edge];
    ahead[end] = addLogs(ahead[end], ahead[start] + score);
  }
  for (const { start, end, score } of [...edges].reverse()) behind[start] = addLogs(behind[start], behind[end] + score);
  const way = [];
  for (let node = nodes - 1; node > 0 && by[node]; node = by[node].start) way.unshift(by[node]);
  for (const edge of way) edge.posterior = Math.min(1, Math.exp(ahead[edge.start] + edge.score + behind[edge.end] - ahead[nodes - 1]));
  return way;
}
