import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../../web/client/resampler.js";

const tone = (hz, rate_hz, length) => Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate_hz));
const power_db = (samples) => 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 1e-20) / samples.length);

function resampled(input, from_hz, to_hz, piece = 128) {
  const resampler = new Resampler(from_hz, to_hz);
  const output = [];
  for (let at = 0; at < input.length; at += piece) output.push(...resampler.process(input.slice(at, at + piece)));
  return Float32Array.from(output);
}

for (const [from_hz, to_hz] of [[48000, 16000], [44100, 16000], [24000, 48000], [24000, 44100], [8000, 16000]]) {
  test(`a tone keeps its shape from ${from_hz} to ${to_hz} Hz, to -60 dB`, () => {
    const output = resampled(tone(1000, from_hz, from_hz), from_hz, to_hz);
    const expected = tone(1000, to_hz, output.length);
    const inner = (samples) => samples.slice(1000, -1000);
    const error = inner(output.map((sample, n) => sample - expected[n]));
    assert.ok(power_db(error) < power_db(inner(expected)) - 60, `${power_db(error)} dB`);
  });
}

test("what the lower rate cannot hold is gone, to -60 dB", () => {
  const output = resampled(tone(11000, 48000, 48000), 48000, 16000).slice(1000, -1000);
  assert.ok(power_db(output) < -63, `${power_db(output)} dB`);
});

test("pieces of any length make no difference", () => {
  const input = tone(440, 44100, 10000);
  const whole = resampled(input, 44100, 16000, 10000);
  for (const piece of [1, 7, 128, 441, 3000]) assert.deepEqual(resampled(input, 44100, 16000, piece), whole);
});

test("an hour does not drift by a sample", () => {
  const resampler = new Resampler(44100, 16000);
  const piece = new Float32Array(44100);
  let made = 0;
  for (let secs = 0; secs < 3600; secs += 60) {
    made += resampler.process(piece).length;
    assert.ok(Math.abs(made - (secs / 60 + 1) * 16000) <= resampler.delay);
  }
});

test("equal rates change nothing", () => {
  const input = tone(440, 24000, 128);
  assert.equal(new Resampler(24000, 24000).process(input), input);
});
