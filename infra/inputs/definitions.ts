// The state machines' definitions: the files of workflows/, byte for byte.
import { readFileSync } from "node:fs";

import { repositoryFile } from "./repository.ts";

export interface Definition {
  /** The state machine's name, without a suffix. */
  readonly machine: string;
  readonly text: string;
  /** The functions that it calls, without the suffix. */
  readonly functions: readonly string[];
}

const FUNCTION_NAME = /("FunctionName":\s*")([a-z-]+)(")/g;

/**
 * A definition as it is deployed. Functions are named plainly in it, so with a suffix, and only then, the names of the
 * functions differ from the file's.
 */
export function readDefinition(machine: string, suffix: string): Definition {
  const file = readFileSync(repositoryFile(`workflows/${machine}.asl.json`), "utf8");
  const functions = new Set(Array.from(file.matchAll(FUNCTION_NAME), (match) => String(match[2])));
  if (functions.size === 0) throw new Error(`workflows/${machine}.asl.json names no function`);
  const text =
    suffix === ""
      ? file
      : file.replaceAll(
          FUNCTION_NAME,
          (_, before: string, name: string, after: string) => before + name + suffix + after,
        );
  return { machine, text, functions: [...functions].sort() };
}
