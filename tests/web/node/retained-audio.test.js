import assert from "node:assert/strict";
import { test } from "node:test";

import { RetainedAudio } from "../../../web/client/retained-audio.js";

const counting = (from, to) => Int16Array.from({ length: to - from }, (_, n) => from + n);
const all = (audio, from, most = 1000) => [...audio.since(from, most)].flatMap((piece) => [...piece]);

test("samples keep their numbers while the oldest go", () => {
  const audio = new RetainedAudio(100);
  for (let at = 0; at < 1000; at += 20) audio.push(counting(at, at + 20));
  assert.equal(audio.next, 1000);
  assert.equal(audio.first, 900);
  assert.deepEqual(all(audio, 955), [...counting(955, 1000)]);
  assert.deepEqual(all(audio, 0), [...counting(900, 1000)]);
  assert.deepEqual(all(audio, 1000), []);
});

test("no piece is longer than asked for", () => {
  const audio = new RetainedAudio(1000);
  audio.push(counting(0, 250));
  const pieces = [...audio.since(30, 100)];
  assert.deepEqual(pieces.map((piece) => piece.length), [100, 100, 20]);
  assert.deepEqual(all(audio, 30, 100), [...counting(30, 250)]);
});

test("numbers begin anew with what has not gone out", () => {
  const audio = new RetainedAudio(1000);
  audio.push(counting(0, 50));
  audio.push(counting(50, 100));
  audio.restart(60);
  assert.equal(audio.first, 0);
  assert.equal(audio.next, 40);
  assert.deepEqual(all(audio, 0), [...counting(60, 100)]);
});
