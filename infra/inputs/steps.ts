// The steps and what each takes as a function of Lambda: workflows/steps.json.
import { readJson } from "./repository.ts";

export interface Step {
  /** HANDLER_TYPE */
  readonly handler_type: string;
  readonly function_name: string;
  readonly package: "zip" | "container";
  readonly memory_mb: number;
  readonly timeout_s: number;
  readonly storage_mb: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** The step that the queue starts. */
export const COMPACTION = "compaction";

export function readSteps(): readonly Step[] {
  return (readJson("workflows/steps.json", "tillite-steps/1") as { steps: readonly Step[] }).steps;
}
