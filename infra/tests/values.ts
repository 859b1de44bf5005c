// Looks into what was recorded: inputs of resources, secrets among them, and policies.
import assert from "node:assert/strict";

import type { Inputs } from "./deployment.ts";

// How Pulumi marks a secret that travels to its engine.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as Inputs)[SIGNATURE] === SECRET;
}

/** A value whether it is secret or not. */
export function open(value: unknown): unknown {
  return isSecret(value) ? (value as Inputs).value : value;
}

export interface RecordedStatement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: unknown;
}

export function statements(policy: unknown): readonly RecordedStatement[] {
  assert.equal(typeof policy, "string");
  const document = JSON.parse(policy as string) as { Version: string; Statement: RecordedStatement[] };
  assert.equal(document.Version, "2012-10-17");
  return document.Statement;
}

export function listOf(value: string | string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
