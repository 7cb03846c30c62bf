import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { InterpreterClient } from "../../../web/interpreter-client.js";
import { cases } from "./vectors.js";
import { FakeSocket } from "./fake-socket.js";

const counting = (from, to) => Int16Array.from({ length: to - from }, (_, n) => from + n);

beforeEach(() => {
  FakeSocket.all = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

function started(config = {}) {
  const client = new InterpreterClient("http://localhost/ws", config, { Socket: FakeSocket });
  const told = [];
  for (const name of ["status", "connected", "text", "audio", "turn", "state", "interrupted", "warning", "fault", "joined", "left"]) {
    client.on(name, (value) => told.push([name, value]));
  }
  client.start();
  const of = (name) => told.filter(([each]) => each === name).map(([, value]) => value);
  return { client, of };
}

test("init asks for a session that can be resumed, and binary audio", () => {
  const { client } = started({ language: "ko" });
  assert.equal(FakeSocket.last.url, "ws://localhost/ws");
  FakeSocket.last.open();
  const config = { language: "ko", sampleRate: 16000, audioEncoding: "binary", resume: {} };
  assert.deepEqual(FakeSocket.last.texts, [{ type: "init", config }]);
  assert.equal(client.status, "connecting");
});

test("what was said before the session is ready is sent then", () => {
  const { client } = started();
  client.send(counting(0, 320));
  FakeSocket.last.open();
  client.send(counting(320, 640));
  assert.deepEqual(FakeSocket.last.samples, []);
  FakeSocket.last.connect();
  client.send(counting(640, 960));
  assert.deepEqual(FakeSocket.last.samples, [...counting(0, 960)]);
});

test("every golden message is told as what it is", () => {
  const { of } = started();
  FakeSocket.last.connect();
  const messages = cases("server_messages.json").map(({ message }) => message).filter(({ type, seq, code }) => type !== "connected" && seq === undefined && type !== "error");
  for (const message of messages) FakeSocket.last.tell(message);
  const count = (...types) => messages.filter(({ type }) => types.includes(type)).length;
  assert.equal(of("text").length, count("input_transcription", "output_transcription"));
  assert.equal(of("audio").length, count("audio_response"));
  assert.equal(of("turn").length, count("turn_complete"));
  assert.equal(of("state").length, count("speech_state"));
  assert.equal(of("interrupted").length, count("interrupted"));
  assert.equal(of("warning").length, count("warning"));
  assert.equal(of("joined").length, count("participant_joined"));
});

test("a dropped connection is resumed: messages once each, samples from where the server is", () => {
  const { client, of } = started();
  const first = FakeSocket.last;
  first.connect();
  client.send(counting(0, 320));
  client.send(counting(320, 640));
  first.tell({ type: "speech_state", state: "speaking", timestamp: 1, seq: 1 });
  first.play(1, 2, 3);
  first.tell({ type: "interrupted", reason: "client", seq: 3 });
  first.drop();
  client.send(counting(640, 960));
  assert.deepEqual(of("status").at(-1).status, "reconnecting");
  mock.timers.tick(300);
  const second = FakeSocket.last;
  assert.notEqual(second, first);
  second.open();
  assert.deepEqual(second.texts[0].config.resume, { sessionId: "s", resumeToken: "t", lastSeq: 3, firstSample: 0 });
  second.tell({ type: "connected", sessionId: "s", resumeToken: "t", resumed: true, receivedSamples: 400 });
  assert.deepEqual(second.samples, [...counting(400, 960)]);
  second.tell({ type: "interrupted", reason: "client", seq: 3 });
  second.tell({ type: "turn_complete", inputText: "a", outputText: "b", seq: 4 });
  second.tell({ type: "turn_complete", inputText: "a", outputText: "b", seq: 4 });
  assert.equal(of("interrupted").length, 1);
  assert.equal(of("turn").length, 1);
  assert.equal(of("connected").at(-1).resumed, true);
  assert.equal(of("connected").at(-1).isFresh, false);
});

test("messages of types to come are counted and passed over", () => {
  const { client, of } = started();
  FakeSocket.last.connect();
  FakeSocket.last.tell('{"type":"something_later","seq":1}');
  FakeSocket.last.tell({ type: "turn_complete", inputText: "", outputText: "", seq: 2 });
  FakeSocket.last.drop();
  mock.timers.tick(300);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.texts[0].config.resume.lastSeq, 2);
  assert.equal(of("turn").length, 1);
  client.stop();
});

test("a fresh session after a lost one hears what was said since, and nothing twice", () => {
  const { client, of } = started();
  FakeSocket.last.connect();
  client.send(counting(0, 320));
  FakeSocket.last.drop(1012);
  client.send(counting(320, 640));
  mock.timers.tick(300);
  FakeSocket.last.connect({ sessionId: "other" });
  assert.deepEqual(FakeSocket.last.samples, [...counting(320, 640)]);
  assert.deepEqual(of("connected").map(({ isFresh }) => isFresh), [false, true]);
  FakeSocket.last.drop();
  mock.timers.tick(300);
  FakeSocket.last.open();
  const { resume } = FakeSocket.last.texts[0].config;
  assert.deepEqual(resume, { sessionId: "other", resumeToken: "t", lastSeq: 0, firstSample: 0 });
});

test("a full server is tried again, and says so", () => {
  const { of } = started();
  for (const wait of [3000, 6000]) {
    FakeSocket.last.open();
    FakeSocket.last.tell({ type: "error", code: "SERVER_BUSY", message: "full" });
    FakeSocket.last.drop(1013);
    const told = of("status").at(-1);
    assert.equal(told.code, "SERVER_BUSY");
    assert.equal(told.status, "connecting");
    assert.ok(told.retry_ms <= wait && told.retry_ms >= wait * 0.8);
    const sockets = FakeSocket.all.length;
    mock.timers.tick(told.retry_ms);
    assert.equal(FakeSocket.all.length, sockets + 1);
  }
});

test("a language that is not there ends it, with the reason", () => {
  const { client, of } = started({ language: "tlh" });
  FakeSocket.last.open();
  FakeSocket.last.tell({ type: "error", code: "UNSUPPORTED_LANGUAGE", message: "expected…" });
  FakeSocket.last.drop(1008);
  assert.deepEqual(of("status").at(-1), { status: "ended", code: "UNSUPPORTED_LANGUAGE", message: "expected…" });
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(client.status, "ended");
});

test("an init that is refused ends it; a refused message does not", () => {
  const { of } = started({ engine: "none" });
  FakeSocket.last.open();
  FakeSocket.last.tell({ type: "error", code: "INVALID_MESSAGE", message: "no such engine" });
  assert.equal(of("status").at(-1).code, "INVALID_MESSAGE");
  const other = started();
  FakeSocket.last.connect();
  FakeSocket.last.tell({ type: "error", code: "INVALID_AUDIO", message: "odd", seq: 1 });
  assert.equal(other.of("fault").length, 1);
  assert.equal(other.client.status, "connected");
});

test("a session that expired is followed by a fresh one at once", () => {
  const { of } = started();
  FakeSocket.last.connect();
  FakeSocket.last.tell({ type: "error", code: "SESSION_EXPIRED", message: "old", seq: 1 });
  FakeSocket.last.drop(1000);
  mock.timers.tick(0);
  FakeSocket.last.connect({ sessionId: "next" });
  assert.deepEqual(FakeSocket.last.texts[0].config.resume, {});
  assert.equal(of("connected").at(-1).isFresh, true);
});

test("in a room it says whose words they are, and who is there", () => {
  const { of } = started({ language: "ko", room: { id: "r", token: "secret" } });
  FakeSocket.last.connect({ participantId: "1" });
  assert.deepEqual(FakeSocket.last.texts[0].config.room, { id: "r", token: "secret" });
  assert.equal(of("connected")[0].participantId, "1");
  FakeSocket.last.tell({ type: "participant_joined", participantId: "2", name: "Ann", language: "en", seq: 1 });
  FakeSocket.last.tell({ type: "turn_complete", inputText: "a", outputText: "b", speaker: "2", seq: 2 });
  assert.deepEqual(of("joined"), [{ participantId: "2", name: "Ann", language: "en" }]);
  assert.deepEqual(of("turn"), [{ inputText: "a", outputText: "b", speaker: "2" }]);
});

test("a fault of the server is tried once", () => {
  const { of } = started();
  for (const expected of ["connecting", "ended"]) {
    FakeSocket.last.open();
    FakeSocket.last.tell({ type: "error", code: "INTERNAL", message: "fault" });
    FakeSocket.last.drop(1011);
    assert.equal(of("status").at(-1).status, expected);
    mock.timers.tick(2000);
  }
});

test("a connection that neither opens nor fails is given up", () => {
  started();
  mock.timers.tick(15_000);
  mock.timers.tick(300);
  assert.equal(FakeSocket.all.length, 2);
});

test("a network that takes nothing is noticed", () => {
  const { client, of } = started();
  FakeSocket.last.connect();
  FakeSocket.last.bufferedAmount = 600_000;
  client.send(counting(0, 320));
  assert.equal(of("status").at(-1).status, "reconnecting");
});

test("stop closes, and what comes later is not told", () => {
  const { client, of } = started();
  FakeSocket.last.connect();
  client.stop();
  assert.deepEqual(FakeSocket.last.texts.at(-1), { type: "close" });
  FakeSocket.last.tell({ type: "turn_complete", inputText: "", outputText: "", seq: 1 });
  FakeSocket.last.drop(1000);
  assert.deepEqual(of("status").at(-1), { status: "ended" });
  assert.equal(of("turn").length, 0);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test("an ended client begins anew", () => {
  const { client } = started();
  FakeSocket.last.connect();
  client.send(counting(0, 320));
  client.stop();
  client.start();
  FakeSocket.last.connect();
  assert.deepEqual(FakeSocket.last.samples, []);
  assert.deepEqual(FakeSocket.last.texts[0].config.resume, {});
});

test("finish waits until what was said is interpreted", async () => {
  const { client } = started();
  const socket = FakeSocket.last;
  socket.connect();
  socket.tell({ type: "speech_state", state: "speaking", timestamp: 1, seq: 1 });
  const finished = client.finish();
  const pass = async (ms) => {
    for (let at = 0; at < ms; at += 100) {
      mock.timers.tick(100);
      await Promise.resolve();
    }
  };
  client.send(counting(0, 320));
  await pass(3000);
  socket.tell({ type: "speech_state", state: "processing", timestamp: 2, seq: 2 });
  await pass(3000);
  socket.tell({ type: "speech_state", state: "silent", timestamp: 3, seq: 3 });
  socket.play(1, 2);
  await pass(3000);
  assert.equal(client.status, "connected");
  socket.tell({ type: "turn_complete", inputText: "a", outputText: "b", seq: 5 });
  await pass(2200);
  await finished;
  assert.equal(client.status, "ended");
  assert.deepEqual(socket.samples, []);
});

test("a listener that throws keeps no other from being told", () => {
  const client = new InterpreterClient("ws://localhost/ws", {}, { Socket: FakeSocket });
  const told = [];
  const thrown = mock.method(globalThis, "queueMicrotask", () => {});
  client.on("status", () => {
    throw new Error("a fault of the page's");
  });
  client.on("status", ({ status }) => told.push(status));
  client.start();
  thrown.mock.restore();
  assert.deepEqual(told, ["connecting"]);
});
