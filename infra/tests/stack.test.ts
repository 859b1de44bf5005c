import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readSteps } from "../inputs/steps.ts";
import { deployed, WHOLE } from "./deployment.ts";

const whole = await deployed(WHOLE);

describe("the stack", () => {
  it("makes storage, queues and the image's repository before there is an image, and says what comes next", async () => {
    const first = await deployed({});
    assert.deepEqual(first.all("aws:lambda/function:Function"), []);
    assert.deepEqual(first.all("aws:sfn/stateMachine:StateMachine"), []);
    assert.equal(first.all("aws:ecr/repository:Repository").length, 1);
    assert.equal(first.all("aws:dynamodb/table:Table").length, 1);
    assert.equal(first.outputs.repositoryUrl, "123456789012.dkr.ecr.us-east-1.amazonaws.com/tillite");
    assert.match(String(first.outputs.next), /imageDigest/);
  });

  it("gives the ARNs and URLs of everything that is called from outside", () => {
    assert.equal(whole.outputs.queueUrl, "https://sqs.us-east-1.amazonaws.com/123456789012/chromadb-delta-queue");
    assert.deepEqual(Object.keys(whole.outputs.stateMachineArns as object).sort(), [
      "create-batches-sf",
      "create-word-batches-sf",
      "poll-store-sf",
      "poll-word-embeddings-sf",
    ]);
    const functions = whole.outputs.functionArns as Record<string, string>;
    for (const step of readSteps()) {
      assert.equal(
        functions[step.function_name],
        `arn:aws:lambda:us-east-1:123456789012:function:${step.function_name}`,
      );
    }
    assert.equal(whole.outputs.next, undefined);
  });

  it("uses a table and a bucket that are there, and makes no others", async () => {
    const stack = await deployed({
      ...WHOLE,
      "tillite:existingTable": "ReceiptsOfOld",
      "tillite:existingBucket": "vectors-of-old",
    });
    assert.deepEqual(stack.all("aws:dynamodb/table:Table"), []);
    assert.equal(stack.all("aws:s3/bucket:Bucket").length, 1);
    assert.equal(stack.outputs.tableName, "ReceiptsOfOld");
    const policy = JSON.stringify(stack.one("aws:iam/rolePolicy:RolePolicy", "embedding-line-find").inputs);
    assert.match(policy, /table\/ReceiptsOfOld/);
    assert.match(policy, /arn:aws:s3:::vectors-of-old\/\*/);
  });

  it("has another name for everything with a suffix, so that two stacks fit into an account", async () => {
    const other = await deployed({ ...WHOLE, "tillite:suffix": "test" });
    const names = (deployment: typeof whole) =>
      deployment.resources
        .map((made) => made.inputs.name ?? made.inputs.bucket ?? made.inputs.dashboardName)
        .filter((name) => typeof name === "string");
    const shared = new Set(names(whole));
    for (const name of names(other)) assert.ok(!shared.has(name), `${name} is in both stacks`);
    assert.equal(names(other).length, names(whole).length);
  });

  it("tags whatever AWS can tag", () => {
    for (const made of whole.resources) {
      if ("tags" in made.inputs) assert.deepEqual(made.inputs.tags, { application: "tillite", stack: "tests" });
    }
    assert.ok(whole.resources.filter((made) => "tags" in made.inputs).length > 80);
  });

  it("starts nothing by the clock unless it is told when", async () => {
    assert.deepEqual(whole.all("aws:scheduler/schedule:Schedule"), []);
    const stack = await deployed({
      ...WHOLE,
      "tillite:submitSchedule": "cron(0 3 * * ? *)",
      "tillite:pollSchedule": "rate(1 hour)",
    });
    assert.deepEqual(
      stack
        .all("aws:scheduler/schedule:Schedule")
        .map((made) => [made.name, made.inputs.scheduleExpression])
        .sort(),
      [
        ["create-batches-sf", "cron(0 3 * * ? *)"],
        ["create-word-batches-sf", "cron(0 3 * * ? *)"],
        ["poll-store-sf", "rate(1 hour)"],
        ["poll-word-embeddings-sf", "rate(1 hour)"],
      ],
    );
  });
});
