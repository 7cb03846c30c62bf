import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../../web/page/conversation.js";
import { asJson, asSubRip, asText, asWebVtt, cues } from "../../../web/page/exports.js";

/** A conversation, and its clock. */
function at() {
  const time = { now: 1_767_225_600_000 };
  const conversation = new Conversation(() => time.now);
  conversation.begin();
  const pass = (ms) => (time.now += ms);
  return { conversation, pass };
}

/** Two turns: said from 1 to 3 s and from 6 to 7 s. */
function twoTurns() {
  const { conversation, pass } = at();
  pass(1000);
  conversation.takeState({ state: "speaking" });
  pass(2000);
  conversation.takeState({ state: "silent" });
  pass(400);
  conversation.takeState({ state: "processing" });
  pass(400);
  conversation.takeText({ side: "source", text: "안녕하세요.", isFinal: false });
  conversation.takeAudio({ duration_ms: 600, queued_ms: 0 });
  conversation.takeText({ side: "target", text: "Hello.", isFinal: false });
  conversation.takeAudio({ duration_ms: 600, queued_ms: 500 });
  conversation.takeText({ side: "source", text: "안녕하세요.", isFinal: true, language: "ko" });
  conversation.takeText({ side: "target", text: "Hello.", isFinal: true, language: "en" });
  conversation.takeTurn({ inputText: "안녕하세요.", outputText: "Hello." });
  pass(2200);
  conversation.takeState({ state: "speaking" });
  pass(1000);
  conversation.takeState({ state: "silent" });
  pass(900);
  conversation.takeText({ side: "source", text: "a <b> & -->", isFinal: true, language: "en" });
  conversation.takeAudio({ duration_ms: 300, queued_ms: 0 });
  conversation.takeTurn({ inputText: "a <b> & -->", outputText: "" });
  return { conversation, pass };
}

test("a turn grows, is whole in the end, and has its times", () => {
  const { conversation } = twoTurns();
  const [first, second] = conversation.turns;
  assert.deepEqual([first.source.from_ms, first.source.to_ms], [1000, 3000]);
  assert.deepEqual([first.target.from_ms, first.target.to_ms], [3800, 5000]);
  assert.equal(first.delay_ms, 800);
  assert.equal(first.state, "complete");
  assert.deepEqual([second.source.from_ms, second.source.to_ms], [6000, 7000]);
  assert.equal(second.delay_ms, 900);
});

test("a turn that begins before the speaker stops has no delay, and its speech goes on in the next", () => {
  const { conversation, pass } = at();
  conversation.takeState({ state: "speaking" });
  pass(10_000);
  conversation.takeText({ side: "source", text: "one", isFinal: false });
  conversation.takeAudio({ duration_ms: 100, queued_ms: 0 });
  conversation.takeTurn({ inputText: "one", outputText: "하나" });
  pass(4000);
  conversation.takeState({ state: "silent" });
  pass(500);
  conversation.takeAudio({ duration_ms: 100, queued_ms: 0 });
  conversation.takeTurn({ inputText: "two", outputText: "둘" });
  const [first, second] = conversation.turns;
  assert.equal(first.delay_ms, undefined);
  assert.deepEqual([first.source.from_ms, first.source.to_ms], [0, 10_000]);
  assert.deepEqual([second.source.from_ms, second.source.to_ms, second.delay_ms], [10_000, 14_000, 500]);
});

test("a short pause is no end of an utterance", () => {
  const { conversation, pass } = at();
  for (const state of ["speaking", "silent"]) {
    conversation.takeState({ state });
    pass(300);
  }
  conversation.takeState({ state: "speaking" });
  pass(700);
  conversation.takeState({ state: "silent" });
  conversation.takeText({ side: "source", text: "one", isFinal: false });
  assert.deepEqual([conversation.turns[0].source.from_ms, conversation.turns[0].source.to_ms], [0, 1300]);
});

test("an interrupted turn keeps what it had; one that the upstream makes again begins anew", () => {
  const { conversation } = at();
  conversation.takeText({ side: "source", text: "one two", isFinal: false });
  conversation.takeText({ side: "target", text: "하나", isFinal: false });
  conversation.takeAudio({ duration_ms: 900, queued_ms: 0 });
  conversation.takeInterrupted({ reason: "upstream" });
  const [turn] = conversation.turns;
  assert.equal(turn.target.text, "");
  assert.equal(turn.state, "live");
  conversation.takeText({ side: "target", text: "하나", isFinal: false });
  conversation.takeInterrupted({ reason: "client" });
  conversation.takeTurn({ inputText: "one two", outputText: "하나" });
  assert.equal(conversation.turns.length, 1);
  assert.deepEqual([turn.state, turn.target.text], ["interrupted", "하나"]);
});

test("what is open when a session is lost stays, marked", () => {
  const { conversation } = at();
  conversation.takeText({ side: "source", text: "half a", isFinal: false });
  conversation.breakOff();
  conversation.takeText({ side: "source", text: "next", isFinal: false });
  assert.deepEqual(conversation.turns.map(({ state, source }) => [state, source.text]), [["broken", "half a"], ["live", "next"]]);
});

test("text, JSON, SubRip and WebVTT hold the turns", () => {
  const { turns, startedAt } = twoTurns().conversation;
  assert.equal(asText(turns), "[00:00:03]\nko  안녕하세요.\nen  Hello.\n\n[00:00:07]\nen  a <b> & -->\n");
  const told = JSON.parse(asJson(turns, startedAt));
  assert.equal(told.started_at, "2026-01-01T00:00:00.000Z");
  assert.deepEqual(told.turns[0].target, { text: "Hello.", language: "en", from_ms: 3800, to_ms: 5000 });
  assert.equal(asSubRip(turns, "target"), "1\n00:00:03,800 --> 00:00:05,000\nHello.\n");
  assert.equal(
    asSubRip(turns, "source"),
    "1\n00:00:01,000 --> 00:00:03,000\n안녕하세요.\n\n2\n00:00:06,000 --> 00:00:07,000\na ＜b> & →\n",
  );
  assert.equal(
    asWebVtt(turns, "source"),
    "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n안녕하세요.\n\n00:00:06.000 --> 00:00:07.000\na &lt;b&gt; &amp; --&gt;\n",
  );
});

test("no cue is over another, and none is too short to read", () => {
  const side = (text, from_ms, to_ms) => ({ source: { text, from_ms, to_ms }, begun_ms: 0 });
  const found = cues([side("a", 0, 2000), side("b", 1000, 1100), side(" \n", 1000, 5000), side("c\nd", 9000, 9001)], "source");
  assert.deepEqual(found, [
    { from_ms: 0, to_ms: 2000, text: "a" },
    { from_ms: 2000, to_ms: 2500, text: "b" },
    { from_ms: 9000, to_ms: 9500, text: "c d" },
  ]);
});
