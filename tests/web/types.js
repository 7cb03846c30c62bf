/**
 * Makes the `.d.ts` files of the library: `node types.js [FOLDER]`, by default beside the modules.
 *
 * TypeScript reads a copy of the modules alone, for where a `.d.ts` lies beside a module it would read that.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const web = resolve(import.meta.dirname, "../../web");
const copy = mkdtempSync(join(tmpdir(), "types-"));
try {
  cpSync(web, copy, { recursive: true, filter: (path) => !path.endsWith(".d.ts") });
  const project = join(copy, "tsconfig.json");
  const compilerOptions = {
    allowJs: true,
    checkJs: true,
    declaration: true,
    emitDeclarationOnly: true,
    lib: ["es2023", "dom", "dom.iterable"],
    module: "nodenext",
    outDir: resolve(process.argv[2] ?? web),
    rootDir: copy,
    skipLibCheck: true,
    strict: true,
    target: "es2022",
    types: [],
  };
  writeFileSync(project, JSON.stringify({ compilerOptions, files: ["interpreter-client.js"] }));
  const compiler = join(import.meta.dirname, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [compiler, "--project", project], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(copy, { recursive: true });
}
