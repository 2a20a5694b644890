// Opens and makes age files with the age author's own JavaScript.
//   judge.mjs recipient IDENTITY             {"recipient"}
//   judge.mjs decrypt IDENTITY FILE          {"text": hex}
//   judge.mjs open FILEKEY FILE              {"text": hex}, with the 16-byte file key in hex
//   judge.mjs encrypt FILE OUT RECIPIENT...  {"bytes"}
// Exit 0 yes, 1 refused (reason on stderr), 2 wrong use.
import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";

const [verb, ...words] = process.argv.slice(2);

async function recipient(identity) {
  return { recipient: await identityToRecipient(identity) };
}

async function decrypt(identity, path) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const text = await decrypter.decrypt(new Uint8Array(readFileSync(path)));
  return { text: Buffer.from(text).toString("hex") };
}

async function encrypt(path, out, ...recipients) {
  const encrypter = new Encrypter();
  for (const one of recipients) encrypter.addRecipient(one);
  const file = await encrypter.encrypt(new Uint8Array(readFileSync(path)));
  writeFileSync(out, file);
  return { bytes: file.length };
}

// An identity that knows nothing but the file key: what an arbiter is given.
async function open(key, path) {
  const decrypter = new Decrypter();
  decrypter.addIdentity({ unwrapFileKey: () => new Uint8Array(Buffer.from(key, "hex")) });
  const text = await decrypter.decrypt(new Uint8Array(readFileSync(path)));
  return { text: Buffer.from(text).toString("hex") };
}

const act = { recipient, decrypt, open, encrypt }[verb];
if (!act) process.exit(2);
try {
  console.log(JSON.stringify(await act(...words)));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
