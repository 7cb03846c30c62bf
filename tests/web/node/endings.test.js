import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isFatal, ruleFor, wait_ms } from "../../../web/client/endings.js";

const PROTOCOL = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf-8");
const ERRORS = [...PROTOCOL.matchAll(/^\| `([A-Z_]+)` \| .* \| (goes on|\d{4}) \| [^|]+ \|$/gm)];

test("what ends a session is what the protocol's table says", () => {
  assert.ok(ERRORS.length > 15);
  for (const [, code, then] of ERRORS) assert.equal(isFatal(code), then !== "goes on", code);
});

test("a connection that the network lost is tried again for ever, ever more slowly", () => {
  const rule = ruleFor(undefined, 1006);
  const waits = Array.from({ length: 12 }, (_, tried) => wait_ms(rule, tried, 0));
  assert.equal(waits[0], 300);
  assert.deepEqual(waits, waits.toSorted((a, b) => a - b));
  assert.equal(waits.at(-1), 10000);
  assert.equal(rule.tries, undefined);
});

test("a close that is an answer is not tried again", () => {
  for (const code of [1000, 1008]) assert.equal(ruleFor(undefined, code), null);
  for (const code of ["UPSTREAM_AUTH", "UNSUPPORTED_LANGUAGE"]) assert.equal(ruleFor(code, 1011), null);
});

test("a server that is full is given time", () => {
  assert.ok(wait_ms(ruleFor("SERVER_BUSY", 1013), 0, 1) >= 2000);
  assert.ok(wait_ms(ruleFor("UPSTREAM_QUOTA", 1013), 0, 0) >= 60_000);
});
