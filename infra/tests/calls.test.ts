import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { readPermissions } from "../inputs/permissions.ts";
import { repositoryFile } from "../inputs/repository.ts";
import { readSteps } from "../inputs/steps.ts";

const ADAPTERS = repositoryFile("src/adapters/aws");
const NOT_THERE = !existsSync(ADAPTERS) && "there are no adapters of AWS";
const permissions = readPermissions();

/** The sources of a service's adapter: all files that begin with its name. */
function sourcesOf(service: string): string {
  return readdirSync(ADAPTERS)
    .filter((file) => file.startsWith(service) && file.endsWith(".cpp"))
    .map((file) => readFileSync(join(ADAPTERS, file), "utf8"))
    .join("\n");
}

/** Of a service with JSON: what stands in quotation marks in the place of an operation's name. */
function namedOperations(source: string): Set<string> {
  const called = source.matchAll(/\b(?:call|ask)[a-z_]*\(\s*"([A-Z][A-Za-z]+)"/g);
  const targets = source.matchAll(/"(?:DynamoDB_20120810|AmazonSQS)\.([A-Z][A-Za-z]+)"/g);
  return new Set([...called, ...targets].map((match) => String(match[1])));
}

/** Of S3: a method and the first part of its query name the operation. */
function operationsOfS3(source: string): Set<string> {
  const operations = new Set<string>();
  for (const chunk of source.split(/(?=\brequest\(")/)) {
    const [, method, key] = /^request\("([A-Z]+)", ([^)]+)\)/.exec(chunk) ?? [];
    if (method === undefined || key === undefined) continue;
    const [, query = ""] = /^[^}]*?\.query = \{\{"([A-Za-z-]+)"/.exec(chunk) ?? [];
    const place = key === '""' ? "bucket" : "object";
    operations.add(S3_OPERATIONS[`${method} ${place} ${query}`.trim()] ?? `${method} ${place} ${query}`);
  }
  return operations;
}

const S3_OPERATIONS: Record<string, string> = {
  "HEAD bucket": "HeadBucket",
  "GET bucket list-type": "ListObjectsV2",
  "HEAD object": "HeadObject",
  "GET object": "GetObject",
  "PUT object": "PutObject",
  "DELETE object": "DeleteObject",
  "POST object uploads": "CreateMultipartUpload",
  "PUT object partNumber": "UploadPart",
  "POST object uploadId": "CompleteMultipartUpload",
  "DELETE object uploadId": "AbortMultipartUpload",
};

function judged(calls: readonly object[]): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), "tillite-calls-"));
  try {
    const file = join(folder, "calls.jsonl");
    writeFileSync(file, calls.map((call) => `${JSON.stringify(call)}\n`).join(""));
    const ended = spawnSync("python3", [repositoryFile("tests/infra/check_calls.py"), file], { encoding: "utf8" });
    return { status: ended.status, output: ended.stdout + ended.stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("workflows/permissions.json", () => {
  it("says of every step what it calls", () => {
    const steps = readSteps().map((step) => step.handler_type);
    assert.deepEqual(Object.keys(permissions.steps).sort(), steps.sort());
  });

  it("lets whoever reads objects list their bucket: without that S3 says of an absent object that it is forbidden", () => {
    for (const [step, { calls }] of Object.entries(permissions.steps)) {
      for (const bucket of ["vectors", "batch_files"] as const) {
        const operations = calls[bucket] ?? [];
        assert.equal(operations.includes("GetObject"), operations.includes("ListObjectsV2"), `${step} on ${bucket}`);
      }
    }
  });

  it("knows every call that the adapters of AWS make", { skip: NOT_THERE }, () => {
    const found: Record<"sqs" | "dynamodb" | "s3", Set<string>> = {
      sqs: namedOperations(sourcesOf("sqs")),
      dynamodb: namedOperations(sourcesOf("dynamo")),
      s3: operationsOfS3(sourcesOf("s3")),
    };
    for (const [service, operations] of Object.entries(found)) {
      for (const operation of operations) {
        assert.ok(
          operation in permissions.operations[service as "sqs" | "dynamodb" | "s3"],
          `src/adapters/aws calls ${operation} of ${service}, which workflows/permissions.json does not know`,
        );
      }
    }
    // The patterns above find something at all.
    for (const [service, operation] of [
      ["sqs", "SendMessage"],
      ["dynamodb", "GetItem"],
      ["s3", "UploadPart"],
    ] as const) {
      assert.ok(found[service].size === 0 || found[service].has(operation), `${service} ${operation}`);
    }
  });
});

describe("tests/infra/check_calls.py", () => {
  it("takes calls that are granted", () => {
    const { status, output } = judged([
      { step: "line_polling", service: "s3", operation: "PutObject", resource: "vectors" },
      { step: "embedding-line-poll", service: "dynamodb", operation: "Query", resource: "table_indexes" },
      { step: "compaction", service: "sqs", operation: "SendMessage" },
    ]);
    assert.equal(status, 0, output);
    assert.match(output, /3 calls, 0 kinds of them refused/);
    assert.match(output, /never called: line_polling: dynamodb:GetItem on table\n/);
  });

  it("names what AWS would refuse", () => {
    const { status, output } = judged([
      { step: "split_into_chunks", service: "s3", operation: "DeleteObject", resource: "vectors" },
      { step: "split_into_chunks", service: "sqs", operation: "SendMessage" },
      { step: "line_polling", service: "dynamodb", operation: "Scan" },
      { step: "no_step", service: "s3", operation: "GetObject" },
    ]);
    assert.equal(status, 1, output);
    for (const line of [
      "refused: split_into_chunks may not do s3:DeleteObject on vectors",
      "refused: split_into_chunks may not do sqs:SendMessage on queue",
      "refused: permissions.json does not know dynamodb Scan",
      "refused: there is no step no_step",
    ]) {
      assert.ok(output.includes(line), output);
    }
  });
});
