import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { words as en } from "../../../web/page/words-en.js";
import { words as ko } from "../../../web/page/words-ko.js";
import { chosenLanguage, hasWord, languageName, word } from "../../../web/page/words.js";

const read = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf-8");

test("both languages have the same texts, with the same gaps to fill", () => {
  assert.deepEqual(Object.keys(ko), Object.keys(en));
  const gaps = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [key, text] of Object.entries(en)) assert.deepEqual(gaps(ko[key]), gaps(text), key);
});

test("every code of the protocol, errors and warnings, has words", () => {
  const protocol = read("docs/protocol.md");
  const errors = [...protocol.matchAll(/^\| `([A-Z_]+)` \| .* \| (?:goes on|\d{4}) \|/gm)].map(([, code]) => code);
  const warnings = [...protocol.matchAll(/`([A-Z_]+)`: /g)].map(([, code]) => code).filter((code) => code.includes("_"));
  assert.ok(errors.length > 15 && warnings.length >= 5);
  for (const code of [...errors, ...warnings]) assert.ok(hasWord(code), code);
});

test("every text that the page asks for is there, and every one that is there is asked for", () => {
  const html = read("web/index.html");
  const scripts = readdirSync(new URL("../../../web/page/", import.meta.url))
    .filter((name) => name.endsWith(".js") && !name.startsWith("words"))
    .map((name) => read(`web/page/${name}`))
    .join("\n");
  const asked = [...html.matchAll(/data-(?:word|label)="(\w+)"/g)].map(([, key]) => key);
  for (const key of asked) assert.ok(hasWord(key), key);
  for (const [, key] of scripts.matchAll(/\bword\("(\w+)"/g)) assert.ok(hasWord(key), key);
  const own = Object.keys(en).filter((key) => !/^[A-Z_]+$/.test(key));
  const unused = own.filter((key) => !asked.includes(key) && !scripts.includes(`"${key}"`) && !scripts.includes(`${key}:`));
  const states = ["silent", "speaking", "processing", "interpreting", "muted", "waiting", "connecting", "connected", "reconnecting", "ended"];
  assert.deepEqual(unused.filter((key) => !states.includes(key)), []);
});

test("the browser's first language that the page speaks is the page's", () => {
  assert.equal(chosenLanguage(["fr-FR", "ko-KR", "en-US"]), "ko");
  assert.equal(chosenLanguage(["en-GB", "ko"]), "en");
  assert.equal(chosenLanguage(["fr"]), "en");
  assert.equal(chosenLanguage([]), "en");
});

test("gaps are filled, and a language that nobody knows is called by its code", () => {
  assert.equal(word("delay", { secs: "0.8" }), "Delay 0.8 s");
  assert.equal(languageName("ko"), "Korean");
  assert.equal(languageName("no such code"), "no such code");
});
