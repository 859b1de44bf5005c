// The stack's settings (`pulumi config`): read at once, checked, each error with its key and the remedy.
import { existsSync } from "node:fs";

import * as pulumi from "@pulumi/pulumi";

import { repositoryFile } from "./repository.ts";

export interface Settings {
  /** Behind every physical name: "-" and the setting, or "". */
  readonly suffix: string;
  /** The image's manifest, "sha256:..."; absent until it was pushed: then only the storage is deployed. */
  readonly imageDigest?: string;
  /** The program as a zip for Lambda, an absolute path. */
  readonly bootstrapZip: string;
  readonly openaiApiKey?: pulumi.Output<string>;
  readonly openaiBaseUrl?: string;
  readonly embeddingModel: string;
  readonly embeddingDimensions?: number;
  /** An existing table, bucket of vectors: theirs are used, and none are made. */
  readonly existingTable?: string;
  readonly existingBucket?: string;
  /** Data is not removed with the stack. */
  readonly protectData: boolean;
  /** How many compactions may run at once; 0: nothing is reserved. */
  readonly compactionConcurrency: number;
  readonly logRetentionDays: number;
  readonly logLevel: string;
  /** Is told of alarms. */
  readonly alarmEmail?: string;
  /** When workflows start by themselves: an expression of EventBridge Scheduler; absent: never. */
  readonly submitSchedule?: string;
  readonly pollSchedule?: string;
}

const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"];

/** A setting that cannot be used. */
export class SettingError extends pulumi.RunError {
  constructor(key: string, problem: string, remedy: string) {
    super(`the setting tillite:${key} ${problem}: ${remedy}`);
  }
}

function setTo(key: string, example: string): string {
  return `pulumi config set tillite:${key} ${example}`;
}

export function readSettings(config: pulumi.Config): Settings {
  const matching = (key: string, pattern: RegExp, what: string, example: string): string | undefined => {
    const value = config.get(key);
    if (value !== undefined && !pattern.test(value)) {
      throw new SettingError(key, `is ${JSON.stringify(value)}, which is no ${what}`, setTo(key, example));
    }
    return value;
  };
  const whole = (key: string, low: number, high: number): number | undefined => {
    const text = config.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^[0-9]+$/.test(text) || value < low || value > high) {
      throw new SettingError(
        key,
        `is ${JSON.stringify(text)}`,
        `it takes a whole number from ${low.toString()} to ${high.toString()}, as in ${setTo(key, low.toString())}`,
      );
    }
    return value;
  };
  const yesOrNo = (key: string): boolean | undefined => {
    const text = config.get(key);
    if (text !== undefined && text !== "true" && text !== "false") {
      throw new SettingError(key, `is ${JSON.stringify(text)}`, `it takes true or false, as in ${setTo(key, "true")}`);
    }
    return text === undefined ? undefined : text === "true";
  };
  const oneOf = (key: string, values: readonly string[]): string | undefined => {
    const value = config.get(key);
    if (value !== undefined && !values.includes(value)) {
      throw new SettingError(key, `is ${JSON.stringify(value)}`, `it takes one of ${values.join(", ")}`);
    }
    return value;
  };
  const schedule = (key: string) =>
    matching(key, /^(rate|cron|at)\(.+\)$/, "schedule of EventBridge", "'rate(1 hour)'");

  const suffix = matching(
    "suffix",
    /^[a-z0-9][a-z0-9-]{0,19}$/,
    "suffix of at most 20 letters (a-z), digits and -",
    "test",
  );
  const imageDigest = matching(
    "imageDigest",
    /^sha256:[0-9a-f]{64}$/,
    'digest of an image (infra/README.md, "The image")',
    "sha256:...",
  );
  const openaiApiKey = config.getSecret("openaiApiKey");
  const openaiBaseUrl = matching(
    "openaiBaseUrl",
    /^https?:\/\/[^\s/]+/,
    "address of a server",
    "https://example.com/v1",
  );
  const zip = config.get("bootstrapZip") ?? repositoryFile("build/package/arm64/tillite-arm64.zip");
  if (imageDigest !== undefined) {
    if (openaiApiKey === undefined && openaiBaseUrl === undefined) {
      throw new SettingError("openaiApiKey", "is missing", setTo("openaiApiKey", "--secret"));
    }
    if (!existsSync(zip)) {
      throw new SettingError(
        "bootstrapZip",
        `names ${zip}, which is not there`,
        `scripts/package makes it, or ${setTo("bootstrapZip", "FILE")}`,
      );
    }
  }
  const compactionConcurrency = whole("compactionConcurrency", 0, 1000);
  if (compactionConcurrency === 1) {
    throw new SettingError(
      "compactionConcurrency",
      "is 1",
      "the queue alone starts two at once: set 2 or more, or 0 to reserve nothing",
    );
  }
  const logRetentionDays = oneOf("logRetentionDays", RETENTION_DAYS.map(String));
  return {
    suffix: suffix === undefined ? "" : `-${suffix}`,
    imageDigest,
    bootstrapZip: zip,
    openaiApiKey,
    openaiBaseUrl,
    embeddingModel:
      matching("embeddingModel", /^[A-Za-z0-9._:/-]{1,128}$/, "name of a model", "text-embedding-3-small") ??
      "text-embedding-3-small",
    embeddingDimensions: whole("embeddingDimensions", 1, 65536),
    existingTable: matching("existingTable", /^[A-Za-z0-9._-]{3,255}$/, "name of a table", "receipts"),
    existingBucket: matching("existingBucket", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "name of a bucket", "my-vectors"),
    protectData: yesOrNo("protectData") ?? true,
    compactionConcurrency: compactionConcurrency ?? 6,
    logRetentionDays: Number(logRetentionDays ?? "30"),
    logLevel: oneOf("logLevel", LOG_LEVELS) ?? "INFO",
    alarmEmail: matching("alarmEmail", /^[^\s@]+@[^\s@]+$/, "e-mail address", "you@example.com"),
    submitSchedule: schedule("submitSchedule"),
    pollSchedule: schedule("pollSchedule"),
  };
}
