// Characters kept for teaching: a zip of one folder a class, which `customocr collect drawn.zip --out FOLDER` reads.

const MARGIN = 4; // pixels of paper around a character

/**
 * The folder of a character: itself, or U+002F and the like for what a file name cannot hold. Small letters are written
 * so as well: Windows and macOS take the folders a and A for one.
 */
export function folderName(character) {
  const plain = /^[^\p{C}\p{Z}/\\:*?"<>|.]$/u.test(character) && character === character.toUpperCase();
  if (plain) return character;
  return [...character].map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`).join(" ");
}

/** One character from what was typed: the last one, composed; empty where nothing can be seen of it. */
export function oneCharacter(text) {
  return [...text.normalize("NFC")].filter((c) => !/[\p{C}\p{Z}]/u.test(c)).at(-1) ?? "";
}

/** PNG of a character's ink (bytes, white on black): black on white, as dark as its own pen. */
async function png({ ink, w, h }) {
  const canvas = new OffscreenCanvas(w + 2 * MARGIN, h + 2 * MARGIN);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  image.data.fill(255);
  const top = ink.reduce((a, b) => Math.max(a, b), 1);
  ink.forEach((v, i) => {
    const grey = 255 - Math.round((v * 255) / top);
    const at = (Math.floor(i / w) + MARGIN) * canvas.width + (i % w) + MARGIN;
    image.data.set([grey, grey, grey], 4 * at);
  });
  context.putImageData(image, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}

/** The zip of examples {label, patch: {ink, w, h}}: FOLDER/001.png, FOLDER/002.png ... */
export async function zipOfExamples(examples) {
  const counts = {};
  const files = [];
  for (const { label, patch } of examples) {
    const folder = folderName(label);
    counts[folder] = (counts[folder] ?? 0) + 1;
    files.push([`${folder}/${String(counts[folder]).padStart(3, "0")}.png`, await png(patch)]);
  }
  return zip(files);
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const crc32 = (bytes) => ~bytes.reduce((sum, byte) => CRC[(sum ^ byte) & 255] ^ (sum >>> 8), ~0) >>> 0;

/** Numbers as little-endian bytes: [value, bytes] each. */
function packed(...numbers) {
  return numbers.flatMap(([value, size]) => Array.from({ length: size }, (_, k) => Math.floor(value / 256 ** k) % 256));
}

/** A zip that stores its files as they are (PKWARE's APPNOTE, 4.3): pairs of name and bytes. */
export function zip(files) {
  const parts = [];
  const listed = [];
  let at = 0;
  for (const [name, bytes] of files) {
    const named = new TextEncoder().encode(name);
    // version 2.0, names in UTF-8, stored, midnight of 1980-01-01, checksum, sizes, length of the name, nothing extra
    const about = packed([20, 2], [0x0800, 2], [0, 2], [0, 2], [33, 2], [crc32(bytes), 4], [bytes.length, 4], [bytes.length, 4], [named.length, 2], [0, 2]);
    parts.push(Uint8Array.from([0x50, 0x4b, 3, 4, ...about]), named, bytes);
    listed.push(Uint8Array.from([0x50, 0x4b, 1, 2, 20, 0, ...about, ...packed([0, 2], [0, 2], [0, 2], [0, 4], [at, 4])]), named);
    at += 4 + about.length + named.length + bytes.length;
  }
  const size = listed.reduce((sum, part) => sum + part.length, 0);
  const end = packed([0, 4], [files.length, 2], [files.length, 2], [size, 4], [at, 4], [0, 2]);
  return new Blob([...parts, ...listed, Uint8Array.from([0x50, 0x4b, 5, 6, ...end])], { type: "application/zip" });
}
