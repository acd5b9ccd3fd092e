// The drawing page's face: strokes or a photo -> reading (read.js) -> text, boxes and bars.
import { oneCharacter, zipOfExamples } from "./examples.js";
import { SIDE } from "./glyph.js";
import { networks, openNetworks, use, vendor } from "./networks.js";
import { SHARE, toGrey } from "./page.js";
import { readPicture } from "./read.js";

const LONGEST = 1600; // pixels, longest side of a photo as it is read
const PEN = 0.035; // of the pad's height: a marker's width
const PAUSE = 250; // milliseconds after the last stroke before reading
const MANY = 24; // characters from which their tiles are smaller
const SURE = 0.8; // probability from which a character counts as sure
const $ = (id) => document.getElementById(id);
const pad = $("pad");
const marks = $("marks");

// ---- what is on the pad: strokes (in shares of the pad's height) or a photo

let strokes = [];
let photo = null;
let pending = 0;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draw the strokes in the given colours on a canvas context of the given height. */
function drawStrokes(context, height, colour) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = PEN * height;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(stroke[0][0] * height, stroke[0][1] * height);
    if (stroke.length === 1) context.lineTo(stroke[0][0] * height + 0.1, stroke[0][1] * height);
    for (const [x, y] of stroke.slice(1)) context.lineTo(x * height, y * height);
    context.stroke();
  }
}

/** Where the photo stands on a canvas: [left, top, scale]. */
function photoPlace(width, height) {
  const scale = Math.min(width / photo.width, height / photo.height);
  return [(width - photo.width * scale) / 2, (height - photo.height * scale) / 2, scale];
}

function paint() {
  const ratio = window.devicePixelRatio || 1;
  for (const canvas of [pad, marks]) {
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  }
  const context = pad.getContext("2d");
  context.clearRect(0, 0, pad.width, pad.height);
  if (photo) {
    const [left, top, scale] = photoPlace(pad.width, pad.height);
    context.drawImage(photo, left, top, photo.width * scale, photo.height * scale);
  } else drawStrokes(context, pad.height, css("--ink"));
  $("hint").hidden = strokes.length > 0 || photo !== null;
  $("undo").disabled = strokes.length === 0;
  $("clear").disabled = $("save").disabled = strokes.length === 0 && photo === null;
}

/** The picture to read, on a canvas: black on white whatever the page's colours, or the photo. */
function canvasToRead() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = photo ? [photo.width, photo.height] : [pad.width, pad.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (photo) context.drawImage(photo, 0, 0);
  else drawStrokes(context, canvas.height, "#000");
  return canvas;
}

/** The same as ImageData. */
function picture() {
  const canvas = canvasToRead();
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
}

// ---- reading

let turn = 0;
/** Read what is on the pad and show it; a later call overtakes an earlier one. */
async function read() {
  const mine = ++turn;
  if (strokes.length === 0 && photo === null) return show([], null);
  const image = picture();
  const share = (SHARE * $("threshold").value) / 100;
  const options = { whole: $("whole").checked, share, alphabet: $("alphabet").value, neighbours: $("neighbours").checked };
  try {
    const { found, classes, lines } = await readPicture(toGrey(image), image.width, image.height, options);
    if (mine !== turn) return;
    showStages(found);
    show(lines, image, classes);
  } catch (error) {
    console.error(error);
    fail("The networks could not be loaded. Check the connection to this site and write again.");
  }
}

/** Say what went wrong; nothing of an earlier answer stays under it. */
function fail(text) {
  turn++;
  show([], null);
  say(text, true);
}

function say(text, quiet) {
  $("text").textContent = text;
  $("text").classList.toggle("quiet", quiet);
}

/** The two pictures between the photo and the boxes: ink, and ink or not. */
function showStages({ ink, mask, level, width, height }) {
  for (const [id, value] of [["ink", (i) => 255 - ink[i]], ["mask", (i) => (mask[i] ? 0 : 255)]]) {
    const canvas = Object.assign($(id), { width, height });
    const image = new ImageData(width, height);
    for (let i = 0; i < mask.length; i++) image.data.set([value(i), value(i), value(i), 255], 4 * i);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
  $("level").textContent = `${$("threshold").value} % of the usual: ink is what is ${Math.round(level)} of 255 grey levels darker than its paper`;
}

function paintGlyph(canvas, glyph) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  glyph.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  context.putImageData(image, 0, 0);
}

let shown = [];
let names = []; // of the classes
let chosen = 0; // the character whose glyph and bars are shown
function show(lines, image, classes = names) {
  names = classes;
  inherit(shown, lines.flat(2));
  shown = lines.flat(2);
  const text = lines.map((line) => line.map((word) => word.map((c) => c.text).join("")).join(" ")).join("\n");
  if (text) say(text, false);
  else say(image ? "No character found. Write larger or darker." : "Nothing yet: write something above.", true);
  const unsure = shown.filter((c) => c.confidence < SURE).length;
  const changed = shown.filter((c) => c.by).length;
  const count = `${shown.length} character${shown.length === 1 ? "" : "s"}`;
  const doubts = unsure ? `, ${unsure} of them below ${100 * SURE} %` : "";
  const rule = changed ? `, ${changed} chosen by ${changed === 1 ? "its" : "their"} neighbours` : "";
  $("note").textContent = shown.length ? `${count}${doubts}${rule}.` : "";
  const list = $("characters");
  list.replaceChildren();
  list.hidden = shown.length === 0;
  list.classList.toggle("many", shown.length > MANY);
  let index = 0;
  lines.forEach((line, l) => {
    if (l) list.append(Object.assign(document.createElement("div"), { className: "break" }));
    for (const word of line) {
      const group = Object.assign(document.createElement("div"), { className: "word" });
      group.append(...word.map((c) => card(c, index++)));
      list.append(group);
    }
  });
  paintMarks(image);
  if (shown.length) select(shown.length === 1 || !photo ? shown.length - 1 : 0);
  $("detail").hidden = $("teach").hidden = shown.length === 0;
  $("way").hidden = image === null;
  $("truth").value = text.replaceAll("\n", " ");
  showLabels();
}

const percent = (p) => (p > 0.9995 ? "> 99.9 %" : `${(100 * p).toFixed(p > 0.985 || p < 0.0995 ? 1 : 0)} %`);

function card(character, index) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "character" + (character.confidence < SURE ? " unsure" : "");
  if (character.by) button.title = `chosen by ${character.by}`;
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  paintGlyph(canvas, character.glyph);
  const letter = document.createElement("b");
  button.append(canvas, letter, document.createElement("small"));
  button.addEventListener("click", () => select(index));
  return button;
}

/** Show one character's glyph and the probabilities of its classes. */
function select(index) {
  chosen = index;
  document.querySelectorAll(".character").forEach((b, i) => b.setAttribute("aria-pressed", i === index));
  const { glyph, probabilities, label, text } = shown[index];
  $("label").value = label ?? text;
  paintGlyph($("glyph"), glyph);
  const top = Math.max(...probabilities);
  $("bars").style.setProperty("--classes", names.length);
  $("bars").replaceChildren(
    ...names.map((name, i) => {
      const bar = document.createElement("div");
      bar.className = probabilities[i] === top ? "top" : "";
      bar.title = `${name}: ${percent(probabilities[i])}`;
      const fill = document.createElement("i");
      fill.style.height = `${100 * probabilities[i]}%`;
      bar.append(fill, Object.assign(document.createElement("span"), { textContent: name }));
      return bar;
    }),
  );
  const order = names.map((c, i) => [c, probabilities[i]]).sort((a, b) => b[1] - a[1]);
  const said = order.slice(0, 3).map(([c, p]) => `${c} ${percent(p)}`).join(", ");
  $("best").textContent = `Probability of each of the ${names.length} classes; the first three: ${said}. What is missing to 100 % are other cuts.`;
  $("bars").setAttribute("aria-label", `Probabilities: ${said}`);
}

/** Boxes over the picture, with what was read in each. */
function paintMarks(image) {
  const context = marks.getContext("2d");
  context.clearRect(0, 0, marks.width, marks.height);
  if (!image) return;
  const [left, top, scale] = photo ? photoPlace(marks.width, marks.height) : [0, 0, 1];
  const ratio = window.devicePixelRatio || 1;
  context.lineWidth = 1.5 * ratio;
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  for (const { box, text, confidence } of shown) {
    const colour = confidence < SURE ? "#d9730d" : "#1f9d63";
    const [x, y] = [left + box.x * scale, top + box.y * scale];
    context.strokeStyle = context.fillStyle = colour;
    context.strokeRect(x - 2 * ratio, y - 2 * ratio, box.w * scale + 4 * ratio, box.h * scale + 4 * ratio);
    context.fillText(text, x, y - 5 * ratio > 12 * ratio ? y - 5 * ratio : y + box.h * scale + 16 * ratio);
  }
}

function changed(pause = 0) {
  paint();
  marks.getContext("2d").clearRect(0, 0, marks.width, marks.height);
  clearTimeout(pending);
  pending = setTimeout(read, pause);
}

// ---- teaching: labels, characters kept, the zip

let kept = new Set(); // characters as shown; each with its label at the time of saving
let saved = true;

/** What was said of a character, or kept of it, holds for the character that is found in its place when more is drawn. */
function inherit(before, now) {
  for (const old of before) {
    const near = (c) => ["x", "y", "w", "h"].every((side) => Math.abs(c.box[side] - old.box[side]) < 0.1 * old.box.h);
    const same = now.find(near);
    if (!same) continue;
    if (old.label !== undefined) same.label = old.label;
    if (kept.delete(old)) kept.add(same);
  }
}

const labelOf = (character) => character.label ?? character.text;

/** The tiles' letters and the state of the buttons. */
function showLabels() {
  document.querySelectorAll(".character").forEach((button, i) => {
    button.querySelector("b").textContent = labelOf(shown[i]) || "–";
    const yours = labelOf(shown[i]) !== shown[i].text;
    button.classList.toggle("corrected", yours);
    button.querySelector("small").textContent = yours ? "by you" : percent(shown[i].confidence);
  });
  const fresh = shown.filter((c) => labelOf(c) && !kept.has(c)).length;
  $("keep").disabled = fresh === 0;
  $("keep").textContent = fresh === 1 ? "Keep this character" : `Keep these ${fresh || ""} characters`;
  $("teaching").disabled = kept.size === 0;
  const counts = new Map();
  for (const c of kept) if (labelOf(c)) counts.set(labelOf(c), (counts.get(labelOf(c)) ?? 0) + 1);
  const list = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([c, n]) => `${c} ${n}`);
  $("kept").textContent = list.length ? `Kept: ${list.join(", ")}.` : "";
}

function relabel(index, label) {
  if (labelOf(shown[index]) === label) return;
  shown[index].label = label;
  if (kept.has(shown[index])) saved = false;
  showLabels();
}
$("label").addEventListener("input", ({ target }) => {
  target.value = oneCharacter(target.value);
  relabel(chosen, target.value);
});
$("label").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  select((chosen + 1) % shown.length);
  $("label").select();
});
$("truth").addEventListener("input", ({ target }) => {
  const typed = [...target.value.normalize("NFC")].filter((c) => oneCharacter(c));
  const fits = typed.length === shown.length || typed.length === 1;
  if (fits) shown.forEach((_, i) => relabel(i, typed.length === 1 ? typed[0] : typed[i]));
  if (shown.length) $("label").value = labelOf(shown[chosen]);
  if (!fits) $("kept").textContent = `${typed.length} characters typed, ${shown.length} boxes: type one for each box, or one for all.`;
  $("keep").disabled ||= !fits;
});
$("keep").addEventListener("click", () => {
  for (const character of shown) if (labelOf(character)) kept.add(character);
  saved = false;
  showLabels();
});
$("teaching").addEventListener("click", async () => {
  const examples = [...kept].filter(labelOf).map((c) => ({ label: labelOf(c), patch: c.box }));
  download("drawn.zip", URL.createObjectURL(await zipOfExamples(examples)));
  saved = true;
});
addEventListener("beforeunload", (event) => {
  if (!saved) event.preventDefault();
});

function download(name, href) {
  const link = Object.assign(document.createElement("a"), { download: name, href });
  link.click();
  if (href.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

// ---- networks that the visitor opens

$("model").addEventListener("change", async ({ target }) => {
  const files = [...target.files];
  target.value = "";
  if (!files.length) return;
  try {
    const opened = await openNetworks(await Promise.all(files.map(async (f) => [f.name, new Uint8Array(await f.arrayBuffer())])));
    use(opened);
    const classes = opened.characters.classes;
    $("reads").textContent = `Reading with ${files.map((f) => f.name).join(" and ")}: ${classes.length} classes, ${classes.join("")}`;
    $("shipped").hidden = false;
    changed();
  } catch (error) {
    $("reads").textContent = error.message;
  }
});
$("shipped").addEventListener("click", () => {
  use(null);
  $("reads").textContent = "";
  $("shipped").hidden = true;
  $("model").focus();
  changed();
});

// ---- mouse, pen and finger

let pen = null;
function point(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) / box.height, (event.clientY - box.top) / box.height];
}
pad.addEventListener("pointerdown", (event) => {
  if (pen !== null || event.button !== 0) return;
  event.preventDefault();
  pen = event.pointerId;
  pad.setPointerCapture(pen);
  if (photo) clear();
  clearTimeout(pending);
  turn++;
  strokes.push([point(event)]);
  paint();
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pen) return;
  const events = event.getCoalescedEvents?.() ?? [];
  for (const e of events.length ? events : [event]) strokes.at(-1).push(point(e));
  paint();
});
for (const name of ["pointerup", "pointercancel"])
  pad.addEventListener(name, (event) => {
    if (event.pointerId !== pen) return;
    pen = null;
    changed(PAUSE);
  });

// ---- photos: chosen, dropped or pasted

async function open(picked) {
  if (!picked) return;
  try {
    const whole = await createImageBitmap(picked, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(whole.width, whole.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(whole.width * scale));
    canvas.height = Math.max(1, Math.round(whole.height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff"; // where the picture is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(whole, 0, 0, canvas.width, canvas.height);
    [photo, strokes] = [canvas, []];
    changed();
  } catch {
    [strokes, photo] = [[], null];
    paint();
    clearTimeout(pending);
    fail(`“${picked.name ?? "This"}” is no picture that this browser can open. Try a PNG or a JPEG.`);
  }
}
for (const id of ["file", "camera"])
  $(id).addEventListener("change", (event) => {
    open(event.target.files[0]);
    event.target.value = "";
  });
for (const name of ["dragenter", "dragover", "dragleave", "drop"])
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") open(event.dataTransfer.files[0]);
  });
document.addEventListener("paste", (event) => {
  open([...event.clipboardData.files].find((f) => f.type.startsWith("image/")));
});

// ---- buttons

function clear() {
  [strokes, photo] = [[], null];
  changed();
}
function undo() {
  strokes.pop();
  changed();
}
$("clear").addEventListener("click", clear);
$("save").addEventListener("click", () => download("drawing.png", canvasToRead().toDataURL("image/png")));
$("undo").addEventListener("click", undo);
$("threshold").addEventListener("input", () => changed(60));
for (const id of ["alphabet", "neighbours", "whole"]) $(id).addEventListener("change", () => changed());
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && strokes.length) {
    event.preventDefault();
    undo();
  }
});

// Strokes of a few characters, in shares of a unit square, for whoever has no pointer at hand.
const LETTERS = {
  7: [[[0.1, 0.05], [0.85, 0.05], [0.35, 1]]],
  R: [[[0.1, 0], [0.1, 1]], [[0.1, 0.03], [0.55, 0], [0.75, 0.2], [0.6, 0.45], [0.1, 0.5], [0.8, 1]]],
  E: [[[0.7, 0], [0.1, 0], [0.1, 1], [0.75, 1]], [[0.1, 0.5], [0.6, 0.5]]],
  A: [[[0, 1], [0.4, 0], [0.8, 1]], [[0.15, 0.65], [0.65, 0.65]]],
  D: [[[0.1, 0], [0.1, 1], [0.5, 0.95], [0.75, 0.7], [0.75, 0.3], [0.5, 0.05], [0.1, 0]]],
  2: [[[0.1, 0.2], [0.3, 0], [0.6, 0.02], [0.7, 0.25], [0.5, 0.55], [0.05, 1], [0.8, 1]]],
};
function write(text) {
  const aspect = pad.clientWidth / pad.clientHeight;
  const step = Math.min(0.5, (aspect * 0.9) / text.length);
  const size = step * 0.72;
  let x = (aspect - step * text.length) / 2 + step * 0.14;
  [strokes, photo] = [[], null];
  for (const letter of text) {
    if (LETTERS[letter]) for (const s of LETTERS[letter]) strokes.push(s.map(([u, v]) => [x + u * size, 0.5 + (v - 0.5) * size * 1.25]));
    x += step;
  }
  changed();
}
for (const button of document.querySelectorAll("[data-sample]"))
  button.addEventListener("click", async () => {
    const sample = button.dataset.sample;
    if (sample === "page") {
      const answer = await fetch(vendor("page.jpg"));
      await open(await answer.blob());
    } else write(sample === "word" ? "READ 27" : sample);
  });

// ---- colours: the choice made on the rest of the site (Quarto keeps it under this name), else the system's

const KEY = "quarto-color-scheme";
function colours(dark, keep) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").setAttribute("aria-pressed", dark);
  try {
    if (keep) localStorage.setItem(KEY, dark ? "alternate" : "default");
  } catch {} // storage may be closed to us; the choice then lasts as long as the page
  paint();
}
let scheme = null;
try {
  scheme = localStorage.getItem(KEY);
} catch {}
colours(scheme ? scheme === "alternate" : matchMedia("(prefers-color-scheme: dark)").matches, false);
$("theme").addEventListener("click", () => colours(document.documentElement.dataset.theme !== "dark", true));

new ResizeObserver(() => changed(PAUSE)).observe(pad);
networks().then(
  () => document.documentElement.setAttribute("data-ready", ""),
  (error) => {
    console.error(error);
    fail("The network could not be loaded. This page needs to be opened through a web server (not as a file).");
  },
);
