import assert from "node:assert/strict";
import { test } from "node:test";

import { linkTo, seatOf } from "../../../web/page/rooms.js";

test("a link leads to the seat that it was made for, and tells no server of it", () => {
  const seat = { id: "q1Wk3ZxN0b2a", token: "GEkX-s_0+/=&", language: "zh-Hant" };
  const link = new URL(linkTo(seat, "https://talk.example.org/path/?debug#old"));
  assert.equal(link.pathname, "/path/");
  assert.equal(link.search, "");
  assert.deepEqual(seatOf(link.hash), seat);
});

test("an address that leads to no seat is one of the page alone", () => {
  for (const hash of ["", "#", "#conversation", "#room=x&token=y", "#token=y&language=ko"]) assert.equal(seatOf(hash), null);
});
