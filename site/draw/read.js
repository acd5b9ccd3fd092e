// Reading: picture -> boxes -> candidates -> both networks -> lines of words of characters. No part of the page's face.
import { LEAST, bestPath, lineStrip, valleys, weigh, windowChances } from "./line.js";
import { inkBox, normaliseGlyph } from "./glyph.js";
import { likelihoods, lineSteps, networks } from "./networks.js";
import { SHARE, cutInk, findCharacters, letterHeight, neighbourFix, toWords } from "./page.js";

const PARTS = 4; // pieces of ink that may make up one character
const WIDEST = 1.7; // letter heights: no character of several pieces is wider
const THINNEST = 0.1; // letter heights: no piece that is cut off is narrower
// Weights of the character network and of the line network, tried in benchmarks/score_drawings.py. Where ink is cut in
// parts the character network sees shapes of a kind that it never saw, and counts for less.
const WEIGHTS = { whole: 0.7, cut: 0.3, step: 1.2 };
const SPECK = 0.5; // letter heights: a smaller part may be no character at all
const SILENT = 0.5; // probability of saying nothing from which a line is no text
const FEW = 2; // characters of a picture, up to which most of its ink must be theirs:
const LEAST_INK = 0.4; // share of all ink that must lie in their boxes; both as in the package

/** The pieces of a line, those that the line network would divide cut in parts: {box, from, to}, from left to right. */
function partsOf(boxes, cuts, letter) {
  const parts = boxes.flatMap((box) => {
    const inside = cuts.map((cut) => Math.round(cut.column)).filter((x) => x - box.x > THINNEST * letter && box.x + box.w - x > THINNEST * letter);
    const ends = [box.x, ...new Set(inside), box.x + box.w];
    return ends.slice(1).map((to, i) => ({ box, from: ends[i], to, cut: ends.length > 2 }));
  });
  return parts.sort((a, b) => a.from + a.to - b.from - b.to);
}

/** A run of parts as one candidate: {x, y, w, h, ink}, cropped to its ink; null where there is none. */
function candidate(found, parts) {
  const x = Math.min(...parts.map((p) => p.from));
  const y = Math.min(...parts.map((p) => p.box.y));
  const w = Math.max(...parts.map((p) => p.to)) - x;
  const h = Math.max(...parts.map((p) => p.box.y + p.box.h)) - y;
  const ink = new Uint8Array(w * h);
  for (const { box, from, to } of parts) cutInk(found, box, from, to, ink, x, y, w);
  const tight = inkBox(ink, w, h);
  if (!tight) return null;
  const [left, top, tightWidth, tightHeight] = tight;
  const patch = new Uint8Array(tightWidth * tightHeight);
  for (let r = 0; r < tightHeight; r++) {
    const at = (top + r) * w + left;
    patch.set(ink.subarray(at, at + tightWidth), r * tightWidth);
  }
  return { x: x + left, y: y + top, w: tightWidth, h: tightHeight, ink: patch, glyph: normaliseGlyph(ink, w, h) };
}

/** Every run of parts that may be one character: {start, end, box}. */
function candidates(found, parts, letter) {
  const out = [];
  parts.forEach((_, start) => {
    for (let end = start + 1; end <= Math.min(parts.length, start + PARTS); end++) {
      const run = parts.slice(start, end);
      const wide = Math.max(...run.map((p) => p.to)) - Math.min(...run.map((p) => p.from));
      if (end > start + 1 && wide > WIDEST * letter) continue;
      const box = candidate(found, run);
      if (box) out.push({ start, end, box, weight: run.some((part) => part.cut) ? WEIGHTS.cut : WEIGHTS.whole });
    }
  });
  return out;
}

/**
 * Where the nodes of a line stand, in steps: where the network divides two characters, if one node stands between them;
 * else in the middle of the white between the parts.
 */
function nodeSteps(parts, cuts, strip, steps) {
  const columns = parts.slice(1).map((part, i) => (parts[i].to + part.from) / 2);
  const at = columns.map((x) => Math.round(((x - strip.x0) * strip.factor * steps.length) / strip.width));
  for (const { from, to, step } of cuts) {
    const inside = [...columns.keys()].filter((i) => columns[i] >= from && columns[i] <= to);
    if (inside.length === 1) at[inside[0]] = step;
  }
  const out = [0];
  for (const t of at) out.push(Math.max(out.at(-1), Math.min(steps.length, t)));
  return [...out, steps.length];
}

/** A line's candidates with what the line network says of each; null where it finds the line silent. */
async function listen(found, boxes) {
  const { characters, lines } = await networks();
  const letter = letterHeight(boxes);
  const strip = lineStrip(found.ink, found.width, found.height, boxes, letter, lines.rows);
  const steps = await lineSteps(strip);
  const quiet = steps.reduce((p, step) => p * (step[0] + step.at(-1)), 1);
  const known = characters.classes.map((c) => lines.symbols.includes(c));
  if (quiet > SILENT && known.every(Boolean)) return null;
  const cuts = valleys(strip, steps);
  const parts = partsOf(boxes, cuts, letter);
  const at = nodeSteps(parts, cuts, strip, steps);
  const edges = candidates(found, parts, letter);
  for (const start of new Set(edges.map((e) => e.start))) {
    const own = edges.filter((e) => e.start === start);
    const windows = windowChances(steps, at[start], own.map((e) => at[e.end]));
    own.forEach((edge, i) => (edge.window = heard(windows[i], known)));
  }
  return { parts, edges, letter, steps, at };
}

/** A class that the line network does not know is given its best opinion: it has none. */
function heard({ once, nothing }, known) {
  const best = Math.max(nothing, ...once);
  return { once: once.map((p, k) => (known[k] ? p : best)), nothing };
}

/** The characters of a line by the best way through its candidates. answers: likelihoods of each edge. */
function decode({ parts, edges, letter, steps, at }, answers, allowed) {
  edges.forEach((edge, i) => Object.assign(edge, weigh(answers[i], edge.window.once, allowed, edge.weight, WEIGHTS.step)));
  const blanks = edges
    .filter(({ start, end, box }) => end === start + 1 && Math.max(box.h, box.w) < SPECK * letter)
    .map(({ start, end, window }) => ({ start, end, score: WEIGHTS.step * Math.max(LEAST, Math.log(window.nothing)) }));
  const all = [...edges, ...blanks].sort((a, b) => a.start - b.start);
  const way = bestPath(all, parts.length + 1).filter((edge) => edge.box);
  const middle = way.map(({ start, end }) => Math.floor((at[start] + at[end]) / 2));
  return way.map(({ box, chances, posterior }, i) => ({
    box,
    probabilities: chances.map((p) => p * posterior),
    space: i ? 1 - steps.slice(middle[i - 1], middle[i]).reduce((p, step) => p * (1 - step.at(-1)), 1) : 0,
  }));
}

/** All ink as one character, which the character network alone reads. */
async function readWhole(found, allowed) {
  const boxes = found.lines.flat();
  if (!boxes.length) return [];
  const box = candidate(found, boxes.map((b) => ({ box: b, from: b.x, to: b.x + b.w })));
  const [answer] = await likelihoods([box.glyph]);
  const total = answer.reduce((sum, p, k) => sum + (allowed[k] ? p : 0), 0) || 1;
  return [[{ box, probabilities: Array.from(answer, (p, k) => (allowed[k] ? p / total : 0)) }]];
}

/** Whether this looks like a drawing: one or two characters, and most ink outside of them. */
function isDrawing({ ink, width }, lines) {
  const boxes = lines.flat().map(({ box }) => box);
  if (!boxes.length || boxes.length > FEW) return false;
  const within = (x, y) => boxes.some((b) => x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h);
  let all = 0;
  let inside = 0;
  ink.forEach((value, i) => {
    if (!value) return;
    all++;
    if (within(i % width, Math.floor(i / width))) inside++;
  });
  return inside < LEAST_INK * all;
}

/** All lines of boxes as both networks read them. */
async function readLines(found, allowed) {
  const heard = [];
  for (const boxes of found.lines) {
    const line = await listen(found, boxes);
    if (line) heard.push(line);
  }
  const answers = await likelihoods(heard.flatMap((line) => line.edges.map((edge) => edge.box.glyph)));
  return heard.map((line) => decode(line, answers.splice(0, line.edges.length), allowed)).filter((line) => line.length);
}

/**
 * Read a picture. grey: bytes, row by row. whole: take all ink as one character. share: of Otsu's threshold, from which
 * ink counts. alphabet: the characters that may occur, empty for all. neighbours: ask them about look-alikes.
 * Returns {found, classes, lines}: lines of words of {box, glyph, probabilities, text, confidence, by}.
 */
export async function readPicture(grey, width, height, { whole = false, share = SHARE, alphabet = "", neighbours = true } = {}) {
  const { classes } = (await networks()).characters;
  const allowed = classes.map((c) => !alphabet || alphabet.includes(c));
  const marks = classes.some((c) => !/[A-Z0-9]/.test(c));
  const found = findCharacters(grey, width, height, { whole, share, marks });
  const seen = await (whole ? readWhole : readLines)(found, allowed);
  const read = isDrawing(found, seen) ? [] : seen;
  const lines = read.map((line) => toWords(line).map((word) => word.map(({ box, probabilities }) => {
    const confidence = Math.max(...probabilities);
    return { box, glyph: box.glyph, probabilities, confidence, text: classes[probabilities.indexOf(confidence)] };
  })));
  if (neighbours && !alphabet) lines.flat().forEach((word) => askNeighbours(word, classes));
  return { found, classes, lines };
}

/** Change a word's look-alikes to what their neighbours say; the probability shown is that of the new class. */
function askNeighbours(word, classes) {
  neighbourFix(word.map((c) => c.text)).forEach((text, i) => {
    const character = word[i];
    if (text === character.text || !classes.includes(text)) return;
    Object.assign(character, { text, confidence: character.probabilities[classes.indexOf(text)], by: "its neighbours" });
  });
}
