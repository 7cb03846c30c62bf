import { readFileSync } from "node:fs";

/** The cases of a file of golden messages, which the server's own tests read, too. */
export function cases(file) {
  return JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), "utf-8")).cases;
}
