import assert from "node:assert/strict";
import { test } from "node:test";

import { initMessage, pcmOf, readMessage, samplesOf, samplesOfBase64 } from "../../../web/client/protocol.js";
import { cases } from "./vectors.js";

for (const { name, message, json } of cases("server_messages.json")) {
  test(`a golden server message is understood: ${name}`, () => {
    assert.deepEqual(readMessage(json), message);
  });
}

for (const { name, text, expect } of cases("client_messages.json")) {
  if (!expect.audio) continue;
  test(`golden audio has the samples that the server hears: ${name}`, () => {
    const samples = samplesOfBase64(JSON.parse(text).data);
    assert.deepEqual([...samples], expect.audio.samples);
    assert.deepEqual(samplesOf(pcmOf(samples)), samples);
  });
}

for (const { name, text } of cases("client_messages_invalid.json").filter((each) => each.expect.error === "INVALID_AUDIO")) {
  const data = JSON.parse(text).data;
  if (data.length > 200_000) continue; // too long for one message, but audio
  test(`what the server takes for no audio is none: ${name}`, () => {
    assert.equal(samplesOfBase64(data), null);
  });
}

test("init is one that the server takes: a golden one, but for the encoding", () => {
  for (const { text, expect } of cases("client_messages.json")) {
    if (expect.message?.type !== "init" || !expect.message.config.resume) continue;
    const { resume, ...config } = JSON.parse(text).config;
    const written = JSON.parse(initMessage(config, "sessionId" in resume ? resume : null));
    assert.deepEqual(written, { type: "init", config: { ...config, audioEncoding: "binary", resume } });
  }
});

test("what is no message is none, whatever it is", () => {
  const nothing = ["", "null", "1", "[]", "{}", '{"type":1}', '{"type":"toString"}', '{"type":"error"}', "\u0000", '{"type":"__proto__"}'];
  for (const text of nothing) assert.equal(readMessage(text), null);
});

test("half a sample is no audio", () => {
  assert.equal(samplesOf(new ArrayBuffer(3)), null);
  assert.equal(samplesOf(new ArrayBuffer(0)), null);
});
