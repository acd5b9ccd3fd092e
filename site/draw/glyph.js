// customocr/glyphs.py in JavaScript: the same layout from the same pixels, so that the same network gives the same
// answer. tests/test_site.py holds both to each other on 200 glyphs.

export const CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; // index = label
export const SIDE = 28; // pixels, side of a glyph
const INK_SIDE = 20; // pixels, longest side of the ink in a glyph
const INK_LEVEL = 0.25; // share of the brightest pixel from which a pixel counts as ink
const FULL_LEVEL = 90; // percentile of the ink's pixels that is brought to 255

/** Round half to even, as Python's round, NumPy's rint and OpenCV's cvRound do. */
function roundEven(x) {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Box [x, y, w, h] of the pixels at least INK_LEVEL as bright as the brightest; null where there is no ink. */
export function inkBox(ink, width, height) {
  let top = 0;
  for (const v of ink) if (v > top) top = v;
  if (top < 8) return null;
  const level = Math.max(1, INK_LEVEL * top);
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (ink[y * width + x] >= level) {
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
  return [x0, y0, x1 - x0 + 1, y1 - y0 + 1];
}

// cv2.INTER_AREA: which source pixels each target pixel covers, and by how much (OpenCV, computeResizeAreaTab).
function areaWeights(source, target) {
  const scale = source / target;
  const table = [];
  for (let d = 0; d < target; d++) {
    const from = d * scale;
    const to = from + scale;
    const cell = Math.min(scale, source - from);
    const last = Math.min(Math.floor(to), source - 1);
    const first = Math.min(Math.ceil(from), last);
    const row = [];
    if (first - from > 1e-3) row.push([first - 1, (first - from) / cell]);
    for (let s = first; s < last; s++) row.push([s, 1 / cell]);
    if (to - last > 1e-3) row.push([last, Math.min(Math.min(to - last, 1), cell) / cell]);
    table.push(row);
  }
  return table;
}

function resizeArea(pixels, w, h, tw, th) {
  const columns = areaWeights(w, tw);
  const rows = areaWeights(h, th);
  const out = new Uint8Array(tw * th);
  for (let y = 0; y < th; y++)
    for (let x = 0; x < tw; x++) {
      let sum = 0;
      for (const [sy, a] of rows[y]) {
        let line = 0;
        for (const [sx, b] of columns[x]) line += pixels[sy * w + sx] * b;
        sum += line * a;
      }
      out[y * tw + x] = Math.min(255, roundEven(sum));
    }
  return out;
}

// cv2.INTER_LINEAR for 8-bit pictures: weights in steps of 1/2048 (OpenCV, INTER_RESIZE_COEF_BITS = 11).
function linearWeights(source, target) {
  const scale = source / target;
  const table = [];
  for (let d = 0; d < target; d++) {
    let f = (d + 0.5) * scale - 0.5;
    let s = Math.floor(f);
    f -= s;
    if (s < 0) [s, f] = [0, 0];
    if (s >= source - 1) [s, f] = [source - 1, 0];
    table.push([s, Math.min(s + 1, source - 1), roundEven((1 - f) * 2048), roundEven(f * 2048)]);
  }
  return table;
}

function resizeLinear(pixels, w, h, tw, th) {
  const columns = linearWeights(w, tw);
  const rows = linearWeights(h, th);
  const out = new Uint8Array(tw * th);
  for (let y = 0; y < th; y++) {
    const [y0, y1, b0, b1] = rows[y];
    for (let x = 0; x < tw; x++) {
      const [x0, x1, a0, a1] = columns[x];
      const upper = pixels[y0 * w + x0] * a0 + pixels[y0 * w + x1] * a1;
      const lower = pixels[y1 * w + x0] * a0 + pixels[y1 * w + x1] * a1;
      out[y * tw + x] = (((b0 * (upper >> 4)) >> 16) + ((b1 * (lower >> 4)) >> 16) + 2) >> 2;
    }
  }
  return out;
}

/**
 * Crop to the ink, bring its longest side to 20 pixels and its centre of mass to the middle of 28 x 28.
 * ink: bytes, row by row, white on black. Returns Uint8Array(784); all zero where there is no ink.
 */
export function normaliseGlyph(ink, width, height) {
  const glyph = new Uint8Array(SIDE * SIDE);
  const box = inkBox(ink, width, height);
  if (!box) return glyph;
  let [x, y, w, h] = box;
  let crop = new Uint8Array(w * h);
  for (let r = 0; r < h; r++) crop.set(ink.subarray((y + r) * width + x, (y + r) * width + x + w), r * w);
  const scale = INK_SIDE / Math.max(w, h);
  if (scale !== 1) {
    const tw = Math.max(1, roundEven(w * scale));
    const th = Math.max(1, roundEven(h * scale));
    crop = (scale < 1 ? resizeArea : resizeLinear)(crop, w, h, tw, th);
    [w, h] = [tw, th];
  }
  const top = crop.reduce((a, b) => Math.max(a, b), 0);
  const sorted = crop.filter((v) => v >= INK_LEVEL * top).sort();
  const level = sorted[Math.floor((sorted.length * FULL_LEVEL) / 100)];
  const bright = Uint8Array.from(crop, (v) => Math.min(roundEven(v * (255 / level)), 255));
  let [total, sx, sy] = [0, 0, 0];
  for (let i = 0; i < bright.length; i++) {
    total += bright[i];
    sx += bright[i] * (i % w);
    sy += bright[i] * Math.floor(i / w);
  }
  const place = (centre, size) =>
    Math.min(Math.max(roundEven(SIDE / 2 - 0.5 - centre), 0), SIDE - size);
  const left = place(sx / total, w);
  const upper = place(sy / total, h);
  for (let r = 0; r < h; r++)
    for (let c = 0; c < w; c++) glyph[(upper + r) * SIDE + left + c] = bright[r * w + c];
  return glyph;
}
