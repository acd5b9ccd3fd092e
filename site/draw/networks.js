// The networks of the page: the shipped ones, or one that the visitor opens. What a file knows of itself (its classes,
// how often it was shown each) stands in its metadata, which ONNX Runtime for browsers does not hand out.
import * as ort from "./vendor/ort.wasm.bundle.min.mjs";
import { CLASSES, SIDE } from "./glyph.js";

ort.env.wasm.numThreads = 1; // several would need headers that static hosting does not send
ort.env.wasm.wasmPaths = { wasm: new URL("./vendor/ort-wasm-simd-threaded.wasm", import.meta.url).href };
export const vendor = (name) => new URL(`./vendor/${name}`, import.meta.url).href;
const BATCH = 256; // glyphs that go through the network at once

/** The metadata of an ONNX file, a protobuf: pairs of key (1) and value (2) in field 14 of the whole. */
export function metadata(bytes) {
  const text = new TextDecoder();
  const fields = (from, to) => {
    const found = [];
    let at = from;
    const varint = () => {
      let [value, factor] = [0, 1];
      for (;;) {
        const byte = bytes[at++];
        value += (byte & 127) * factor;
        if (byte < 128 || at >= to) return value;
        factor *= 128;
      }
    };
    while (at < to) {
      const key = varint();
      const kind = key % 8;
      if (kind === 0) varint();
      else if (kind === 2) {
        const size = varint();
        found.push([Math.floor(key / 8), at, at + size]);
        at += size;
      } else at += kind === 1 ? 8 : 4;
    }
    return found;
  };
  const pairs = fields(0, bytes.length).filter(([field]) => field === 14);
  return Object.fromEntries(
    pairs.map(([, from, to]) => fields(from, to).map(([, a, b]) => text.decode(bytes.subarray(a, b)))),
  );
}

const symbolsOf = (text) => (text.includes("\n") ? text.split("\n") : [...text]);

/** A network's session, its metadata and the shape of its input. */
async function openNetwork(bytes) {
  const told = metadata(bytes);
  const session = await ort.InferenceSession.create(bytes);
  return { session, told, shape: session.inputMetadata[0]?.shape ?? [] };
}

const isForGlyphs = ({ shape }) => shape.length === 4 && shape[1] === SIDE && shape[2] === SIDE;
const isForLines = ({ shape, told }) => shape.length === 4 && shape[1] !== SIDE && shape[3] === 1 && "character" in told;

function forGlyphs({ session, told }) {
  const classes = symbolsOf(told.classes ?? CLASSES);
  const noted = (told.class_shares ?? "").split(/\s+/).filter(Boolean).map(Number);
  return { session, classes, shares: noted.length === classes.length ? noted : classes.map(() => 1) };
}

function forLines({ session, told, shape }) {
  return { session, symbols: symbolsOf(told.character), rows: typeof shape[1] === "number" ? shape[1] : 32 };
}

/**
 * Networks from files that the visitor chose: pairs of name and bytes. What is not among them is read by the shipped one.
 * Throws an Error in words for a file that is no network of ours.
 */
export async function openNetworks(files) {
  const opened = { ...(await shipped()) };
  for (const [name, bytes] of files) {
    const network = await openNetwork(bytes).catch(() => null);
    if (network && isForGlyphs(network)) {
      const outputs = network.session.outputMetadata[0]?.shape?.at(-1);
      opened.characters = forGlyphs(network);
      const { length } = opened.characters.classes;
      if (typeof outputs === "number" && outputs !== length)
        throw new Error(`“${name}” tells ${outputs} classes apart and names ${length}: teach it again with this version.`);
    } else if (network && isForLines(network)) opened.lines = forLines(network);
    else throw new Error(`“${name}” is no network that this page knows: open a file that customocr teach or customocr train made.`);
  }
  return opened;
}

async function fetched(name) {
  const answer = await fetch(vendor(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

let loading = null;
let chosen = null;

/** The shipped networks; a download that failed is tried again at the next call. */
function shipped() {
  loading ??= Promise.all(["characters.onnx", "lines.onnx"].map((name) => fetched(name).then(openNetwork)))
    .then(([characters, lines]) => ({ characters: forGlyphs(characters), lines: forLines(lines) }))
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}

/** What the page reads with: {characters: {session, classes, shares}, lines: {session, symbols, rows}}. */
export const networks = async () => chosen ?? (await shipped());

/** Read with other networks from now on; null: the shipped ones again. */
export function use(opened) {
  chosen = opened;
}

/** Probabilities of the classes for each glyph (Uint8Array(784)): an array of Float32Array(classes). */
export async function classify(glyphs) {
  const { session, classes } = (await networks()).characters;
  const out = [];
  for (let from = 0; from < glyphs.length; from += BATCH) {
    const some = glyphs.slice(from, from + BATCH);
    const data = new Float32Array(some.length * SIDE * SIDE);
    some.forEach((glyph, i) => glyph.forEach((v, j) => (data[i * SIDE * SIDE + j] = v / 255)));
    const input = new ort.Tensor("float32", data, [some.length, SIDE, SIDE, 1]);
    const answer = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]].data;
    some.forEach((_, i) => out.push(answer.slice(i * classes.length, (i + 1) * classes.length)));
  }
  return out;
}

/** What the shapes alone say: `classify` divided by how often the network was shown each class, as in Python. */
export async function likelihoods(glyphs) {
  const { shares } = (await networks()).characters;
  return (await classify(glyphs)).map((probabilities) => {
    const even = probabilities.map((p, i) => p / shares[i]);
    const total = even.reduce((a, b) => a + b, 0);
    return even.map((p) => p / total);
  });
}

/**
 * What the line network says of a strip: for each step the probabilities of the blank, of each class and of the space.
 * Symbols that are no class of the character network count as blank.
 */
export async function lineSteps(strip) {
  const { characters, lines } = await networks();
  const { session, symbols } = lines;
  const input = new ort.Tensor("float32", strip.pixels, [1, strip.rows, strip.width, 1]);
  const output = (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  const width = output.dims.at(-1);
  const space = characters.classes.length + 1;
  const columns = ["", ...symbols].map((c) => characters.classes.indexOf(c) + 1);
  while (columns.length < width) columns.push(space);
  const steps = [];
  for (let at = 0; at < output.data.length; at += width) {
    const step = new Float64Array(space + 1);
    columns.forEach((column, k) => (step[column] += Math.exp(output.data[at + k])));
    steps.push(step);
  }
  return steps;
}
