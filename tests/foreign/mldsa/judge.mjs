// Judge of ML-DSA-44 lines (type 0x06) that shares no code with Detente: @noble/post-quantum.
//
//   node judge.mjs CHECKPOINT KEYS
//
// KEYS holds verifier keys, one a line; other types are passed over. Prints one JSON line {name: time} of the
// known keys that signed the checkpoint's head; exit 1 with the reason if a known key's line does not hold.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";

const MLDSA44 = 0x06;

function fail(reason) {
  console.error(reason);
  process.exit(1);
}

function parseKeys(text) {
  const keys = [];
  for (const line of text.split("\n").filter(Boolean)) {
    const [name, id, ...rest] = line.split("+");
    const blob = Buffer.from(rest.join("+"), "base64"); // base64 may hold a plus itself
    if (blob[0] !== MLDSA44) continue;
    const sum = createHash("sha256").update(`${name}\n`).update(blob).digest("hex");
    if (sum.slice(0, 8) !== id) fail(`key id of ${name}`);
    keys.push({ name, id, public: blob.subarray(1) });
  }
  return keys;
}

function u64(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

function short(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function message(name, time, origin, size, root) {
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"), short(name), u64(time), short(origin), u64(0), u64(size), root,
  ]);
}

const note = readFileSync(process.argv[2], "utf8");
const keys = parseKeys(readFileSync(process.argv[3], "utf8"));
const end = note.lastIndexOf("\n\n");
const [origin, size, root] = note.slice(0, end).split("\n");
const signed = {};
for (const line of note.slice(end + 2).split("\n").filter(Boolean)) {
  const [, name, encoded] = line.split(" ");
  const blob = Buffer.from(encoded, "base64");
  const key = keys.find((one) => one.name === name && one.id === blob.subarray(0, 4).toString("hex"));
  if (!key) continue;
  const time = blob.readBigUInt64BE(4);
  const text = message(name, time, origin, size, Buffer.from(root, "base64"));
  if (time === 0n || !ml_dsa44.verify(blob.subarray(12), text, key.public)) fail(`signature of ${name}`);
  signed[name] = Number(time);
}
console.log(JSON.stringify(signed));
