// Checks, on the reader's own device, that an entry is in the log, and who signed the log: RFC 6962 path, C2SP signed note
// and co-signatures, by WebCrypto. What it fetches it believes for nothing but what the signatures show; whose keys these
// are the page says, and the reader compares. Without a script the page says how to do the same by hand.
"use strict";

const utf8 = new TextEncoder();
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
const joined = (...parts) => {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
};
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const LEAF = Uint8Array.of(0), NODE = Uint8Array.of(1), LOG_TYPE = 1, WITNESS_TYPE = 4;

// The root that leads from a leaf along its path; null where the path is too long or too short (RFC 9162 §2.1.3.2).
async function rootFrom(leaf, index, size, path) {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && 0 <= index && index < size)) return null;
  let [at, last, hash] = [index, size - 1, await sha256(LEAF, utf8.encode(leaf))];
  const up = () => { at = Math.floor(at / 2); last = Math.floor(last / 2); };
  for (const sibling of path) {
    if (last === 0 || sibling.length !== 32) return null;
    if (at % 2 === 1 || at === last) {
      hash = await sha256(NODE, sibling, hash);
      while (at % 2 === 0 && at !== 0) up();
    } else hash = await sha256(NODE, hash, sibling);
    up();
  }
  return last === 0 ? hash : null;
}

// `name+hash+base64` of a key of this type; its id is counted anew.
async function keyFrom(text, type) {
  const [name, , ...rest] = text.trim().split("+");
  const typed = bytesOf(rest.join("+"));
  if (typed[0] !== type || typed.length !== 33) throw new Error("key");
  const id = (await sha256(utf8.encode(`${name}\n`), typed)).slice(0, 4);
  return { name, id, key: await crypto.subtle.importKey("raw", typed.slice(1), { name: "Ed25519" }, false, ["verify"]) };
}

function opened(note) {
  const cut = note.lastIndexOf("\n\n");
  const body = note.slice(0, cut + 1);
  const [origin, size, root] = body.split("\n");
  const lines = note.slice(cut + 2).split("\n").filter(Boolean).map((line) => {
    const [, name, blob] = line.split(" ");
    return { name, blob: bytesOf(blob) };
  });
  return { body, origin, size: Number(size), root: bytesOf(root), lines };
}

async function signed(note, { name, id, key }, message) {
  for (const line of note.lines) {
    if (line.name !== name || !same(line.blob.slice(0, 4), id)) continue;
    const [text, signature] = message(line.blob.slice(4));
    if (await crypto.subtle.verify({ name: "Ed25519" }, key, signature, utf8.encode(text))) return true;
    throw new Error("signature");
  }
  return false;
}

const asLog = (note) => (blob) => [note.body, blob];
const asWitness = (note) => (blob) => {
  const time = new DataView(blob.buffer, blob.byteOffset).getBigUint64(0);
  return [`cosignature/v1\ntime ${time}\n${note.body}`, blob.slice(8)];
};

async function ed25519() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1), { name: "Ed25519" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

async function fetched(path) {
  const answer = await fetch(path, { redirect: "error", headers: { Accept: "application/json" } });
  if (answer.status === 503) throw new Error("waiting");
  if (!answer.ok) throw new Error("failed");
  return answer.json();
}

// What the checks found: a word of the page, and what to say beside each check.
async function checked(place) {
  const { entry, time, key } = place.dataset;
  const proof = await fetched(`/api/v1/ledger/entries/${entry}/proof?against=cosigned`);
  const { witnesses } = await fetched("/api/v1/ledger/witnesses");
  const said = {}, note = opened(proof.checkpoint), leaf = JSON.parse(proof.leaf);
  const root = await rootFrom(proof.leaf, proof.index, note.size, proof.path.map(bytesOf));
  said.tree = root !== null && same(root, note.root) && leaf.id === entry && new Date(leaf.time) - new Date(time) === 0;
  if (!said.tree) return { word: "wrong", said };
  said.treeText = `${proof.index + 1} / ${note.size}`;
  if (!(await ed25519())) return { word: "unchecked", said };
  try {
    const log = await keyFrom(key, LOG_TYPE);
    said.log = note.origin === log.name && await signed(note, log, asLog(note));
    said.logText = log.name;
    if (!said.log) return { word: "wrong", said };
    const names = [];
    for (const witness of witnesses) {
      if (await signed(note, await keyFrom(witness.vkey, WITNESS_TYPE), asWitness(note))) names.push(`${witness.body} (${witness.name})`);
    }
    said.witnesses = names.length > 0;
    said.witnessesText = names.join(", ");
    return { word: names.length ? "good" : witnesses.length ? "alone" : "nobody", said, n: names.length };
  } catch {
    return { word: "wrong", said };
  }
}

// The key that this browser saw first: one that is another tomorrow is worth a question.
function keyChanged(key) {
  try {
    const origin = key.split("+")[0], before = localStorage.getItem(`log-key ${origin}`);
    if (before === null) localStorage.setItem(`log-key ${origin}`, key);
    return before !== null && before !== key;
  } catch {
    return false;
  }
}

async function proveEntry() {
  const place = document.getElementById("proof");
  if (!place || !window.crypto || !crypto.subtle) return;
  place.querySelector("[data-checks]").hidden = false;
  let found;
  try {
    found = await checked(place);
  } catch (error) {
    found = { word: error.message === "waiting" ? "waiting" : "failed", said: {} };
  }
  const word = (name) => place.querySelector(`[data-word="${name}"]`).textContent;
  for (const item of place.querySelectorAll("[data-check]")) {
    const name = item.dataset.check;
    if (name in found.said) item.dataset.state = found.said[name] ? "yes" : found.word === "wrong" ? "no" : "open";
    item.querySelector("[data-said]").textContent = found.said[`${name}Text`] || "";
  }
  const verdict = place.querySelector("[data-verdict]");
  verdict.textContent = word(found.word).replace("{n}", found.n ?? "");
  place.dataset.verdict = found.word;
  if (keyChanged(place.dataset.key)) verdict.textContent += ` — ${word("changed")}`;
}

proveEntry();
