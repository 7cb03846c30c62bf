import assert from "node:assert/strict";
import { test } from "node:test";

import { JitterBuffer } from "../../../web/client/jitter-buffer.js";

const RATE_HZ = 24000;
const QUANTUM = 128;
const ramp = (from, to) => Float32Array.from({ length: to - from }, (_, n) => ((from + n) % 30000) / 32768 + 0.01);

function pull(buffer, quanta) {
  const output = new Float32Array(quanta * QUANTUM);
  for (let n = 0; n < quanta; n++) buffer.pull(output.subarray(n * QUANTUM, (n + 1) * QUANTUM));
  return output;
}

test("every sample is played once, in order, whatever the pieces", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  const sizes = [480, 1, 7, 4800, 128, 129, 127, 2400];
  let at = 0;
  for (let n = 0; n < 200; n++) buffer.push(ramp(at, (at += sizes[n % sizes.length])));
  buffer.end();
  const output = pull(buffer, Math.ceil(at / QUANTUM));
  assert.deepEqual(output.slice(0, at), ramp(0, at));
  assert.equal(buffer.played, at);
  assert.equal(buffer.queued, 0);
  assert.equal(buffer.underruns, 0);
});

test("it waits for enough, and no longer than that takes", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(ramp(0, 240)); // 10 ms
  assert.ok(pull(buffer, 3).every((sample) => sample === 0));
  pull(buffer, 5);
  assert.ok(buffer.isPlaying);
});

test("the end of a turn is not waited for", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(ramp(0, 240));
  buffer.end();
  assert.deepEqual(pull(buffer, 2).slice(0, 240), ramp(0, 240));
});

test("a gap in a turn makes it wait longer the next time; a pause between turns does not", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(ramp(0, 2400));
  pull(buffer, 25); // runs dry
  const before_secs = buffer.wait_secs;
  buffer.push(ramp(2400, 4800));
  assert.equal(buffer.underruns, 1);
  assert.ok(buffer.wait_secs > before_secs);
  buffer.end();
  pull(buffer, 25);
  buffer.push(ramp(0, 2400));
  assert.equal(buffer.underruns, 1);
});

test("what comes long after it ran dry is not late", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(ramp(0, 2400));
  pull(buffer, 200);
  buffer.push(ramp(0, 2400));
  assert.equal(buffer.underruns, 0);
});

test("after a steady while it waits less again", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  const before_secs = buffer.wait_secs;
  buffer.push(new Float32Array(RATE_HZ * 30));
  pull(buffer, Math.floor((RATE_HZ * 29) / QUANTUM));
  assert.ok(buffer.wait_secs < before_secs);
});

test("emptied, it is silent within 10 ms, without a step", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(new Float32Array(RATE_HZ).fill(0.8));
  pull(buffer, 4);
  buffer.clear();
  const output = pull(buffer, 4);
  assert.ok(output.slice(240).every((sample) => sample === 0));
  output.reduce((last, sample) => (assert.ok(Math.abs(sample - last) < 0.04), sample), 0.8);
  assert.equal(buffer.queued, 0);
});

test("a signal that breaks off and goes on has no step", () => {
  const buffer = new JitterBuffer(RATE_HZ);
  buffer.push(new Float32Array(QUANTUM * 20).fill(0.5));
  const first = pull(buffer, 21);
  buffer.push(new Float32Array(QUANTUM * 40).fill(0.5));
  const output = [...first, ...pull(buffer, 60)];
  output.slice(1).forEach((sample, n) => assert.ok(Math.abs(sample - output[n]) < 0.03, `${n}`));
});

test("it holds ten minutes, and gives up the oldest", () => {
  const buffer = new JitterBuffer(10);
  for (let n = 0; n < 700; n++) buffer.push(new Float32Array(10));
  assert.equal(buffer.queued, 6000);
  assert.equal(buffer.dropped, 1000);
});
