import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readPermissions, type ResourceKind } from "../inputs/permissions.ts";
import { readSteps } from "../inputs/steps.ts";
import { deployed, WHOLE } from "./deployment.ts";
import { listOf, type RecordedStatement, statements } from "./values.ts";

const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const stack = await deployed({ ...WHOLE, "tillite:pollSchedule": "rate(1 hour)" });
const permissions = readPermissions();

// What AWS lets be given for all resources only.
const WITHOUT_RESOURCE = new Set([
  "logs:CreateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:DescribeLogGroups",
  "logs:DescribeResourcePolicies",
  "logs:GetLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:UpdateLogDelivery",
  "xray:GetSamplingRules",
  "xray:GetSamplingTargets",
  "xray:PutTelemetryRecords",
  "xray:PutTraceSegments",
]);

// Ends of ARNs that stand for what is below a resource of the stack: a bucket's objects, a table's indexes, a log
// group's streams, a state machine's executions.
const BELOW = [
  /^arn:aws:s3:::(chromadb-vectors|embedding-batch-files)-123456789012-us-east-1\/(intermediate\/)?\*$/,
  /^arn:aws:dynamodb:us-east-1:123456789012:table\/receipts\/index\/\*$/,
  /^arn:aws:logs:us-east-1:123456789012:log-group:\/aws\/lambda\/embedding-[a-z-]+:\*$/,
  /^arn:aws:states:us-east-1:123456789012:execution:[a-z-]+[:/]\*$/,
];

const ARN_OF: Record<ResourceKind, string> = {
  table: "arn:aws:dynamodb:us-east-1:123456789012:table/receipts",
  table_indexes: "arn:aws:dynamodb:us-east-1:123456789012:table/receipts/index/*",
  vectors: "arn:aws:s3:::chromadb-vectors-123456789012-us-east-1",
  batch_files: "arn:aws:s3:::embedding-batch-files-123456789012-us-east-1",
  queue: "arn:aws:sqs:us-east-1:123456789012:chromadb-delta-queue",
};

function allowedBy(policy: unknown): Set<string> {
  return new Set(
    statements(policy).flatMap((one) =>
      listOf(one.Action).flatMap((action) => listOf(one.Resource).map((resource) => `${action} on ${resource}`)),
    ),
  );
}

function everyStatement(): [string, RecordedStatement][] {
  return stack
    .all(ROLE_POLICY)
    .flatMap((made) => statements(made.inputs.policy).map((one): [string, RecordedStatement] => [made.name, one]));
}

describe("roles", () => {
  it("allow no action by a wildcard", () => {
    for (const [role, one] of everyStatement()) {
      assert.equal(one.Effect, "Allow");
      for (const action of listOf(one.Action)) assert.match(action, /^[a-z0-9]+:[A-Za-z0-9]+$/, role);
    }
  });

  it("name resources of the stack, and all resources only where AWS knows none", () => {
    for (const [role, one] of everyStatement()) {
      for (const resource of listOf(one.Resource)) {
        if (resource === "*") {
          for (const action of listOf(one.Action)) assert.ok(WITHOUT_RESOURCE.has(action), `${role}: ${action}`);
        } else if (resource.includes("*")) {
          assert.ok(
            BELOW.some((pattern) => pattern.test(resource)),
            `${role}: ${resource}`,
          );
        }
      }
    }
  });

  it("are taken by the one service that needs each", () => {
    const services = new Map<string, number>();
    for (const made of stack.all("aws:iam/role:Role")) {
      const [only] = statements(made.inputs.assumeRolePolicy);
      const service = (only?.Principal as { Service: string }).Service;
      services.set(service, (services.get(service) ?? 0) + 1);
      if (service !== "lambda.amazonaws.com") {
        assert.deepEqual(only?.Condition, { StringEquals: { "aws:SourceAccount": "123456789012" } });
      }
    }
    assert.deepEqual(Object.fromEntries(services), {
      "lambda.amazonaws.com": 10,
      "states.amazonaws.com": 2,
      "scheduler.amazonaws.com": 1,
    });
  });
});

describe("a function's role", () => {
  for (const step of readSteps()) {
    it(`of ${step.handler_type} allows the calls that workflows/permissions.json names, and its log`, () => {
      const expected = new Set<string>();
      const from = permissions.steps[step.handler_type];
      assert.ok(from !== undefined);
      for (const calls of [from.calls, permissions.event_source[step.handler_type] ?? {}]) {
        for (const [kind, operations] of Object.entries(calls) as [ResourceKind, string[]][]) {
          const service = permissions.resources[kind];
          for (const operation of operations) {
            for (const action of permissions.operations[service][operation] ?? []) {
              const isOfObjects = service === "s3" && action !== "ListBucket";
              expected.add(`${service}:${action} on ${ARN_OF[kind]}${isOfObjects ? "/*" : ""}`);
            }
          }
        }
      }
      const log = `arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/${step.function_name}:*`;
      expected.add(`logs:CreateLogStream on ${log}`);
      expected.add(`logs:PutLogEvents on ${log}`);
      expected.add("xray:PutTelemetryRecords on *");
      expected.add("xray:PutTraceSegments on *");
      if (from.calls_provider) expected.add("kms:Decrypt on arn:aws:kms:us-east-1:123456789012:key/1");
      assert.deepEqual(
        [...allowedBy(stack.one(ROLE_POLICY, step.function_name).inputs.policy)].sort(),
        [...expected].sort(),
      );
    });
  }
});

describe("a workflow's role", () => {
  it("starts the steps of its definitions and no others", () => {
    const steps = statements(stack.one(ROLE_POLICY, "embedding-words").inputs.policy).find(
      (one) => one.Sid === "Steps",
    );
    assert.deepEqual(
      listOf(steps?.Resource).map((arn) => arn.split(":").at(-1)),
      [
        "embedding-list-pending",
        "embedding-mark-complete",
        "embedding-split-chunks",
        "embedding-vector-compact",
        "embedding-word-find",
        "embedding-word-poll",
        "embedding-word-submit",
      ],
    );
  });

  it("may start, watch and stop the children of its own Maps, and read their lists", () => {
    const allowed = allowedBy(stack.one(ROLE_POLICY, "embedding-lines").inputs.policy);
    for (const right of [
      "states:StartExecution on arn:aws:states:us-east-1:123456789012:stateMachine:poll-store-sf",
      "states:DescribeExecution on arn:aws:states:us-east-1:123456789012:execution:poll-store-sf:*",
      "states:StopExecution on arn:aws:states:us-east-1:123456789012:execution:create-batches-sf/*",
      "s3:GetObject on arn:aws:s3:::embedding-batch-files-123456789012-us-east-1/*",
      "s3:PutObject on arn:aws:s3:::embedding-batch-files-123456789012-us-east-1/*",
    ]) {
      assert.ok(allowed.has(right), right);
    }
    assert.ok(![...allowed].some((right) => right.includes("poll-word-embeddings-sf")));
  });

  it("of the schedules starts the scheduled machines and nothing else", () => {
    assert.deepEqual([...allowedBy(stack.one(ROLE_POLICY, "embedding-schedules").inputs.policy)].sort(), [
      "states:StartExecution on arn:aws:states:us-east-1:123456789012:stateMachine:poll-store-sf",
      "states:StartExecution on arn:aws:states:us-east-1:123456789012:stateMachine:poll-word-embeddings-sf",
    ]);
  });
});
