import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readPermissions } from "../inputs/permissions.ts";
import { readSteps } from "../inputs/steps.ts";
import { API_KEY, type Deployment, deployed, DIGEST, type Inputs, WHOLE } from "./deployment.ts";
import { isSecret, open } from "./values.ts";

const FUNCTION = "aws:lambda/function:Function";
const stack = await deployed(WHOLE);
const steps = readSteps();
const permissions = readPermissions();

function environmentOf(name: string, deployment: Deployment = stack): Inputs {
  const { variables } = open(deployment.one(FUNCTION, name).inputs.environment) as { variables: unknown };
  return open(variables) as Inputs;
}

describe("the functions", () => {
  it("are those of workflows/steps.json, with its memory, time and storage", () => {
    assert.equal(stack.all(FUNCTION).length, steps.length);
    for (const step of steps) {
      const { inputs } = stack.one(FUNCTION, step.function_name);
      assert.equal(inputs.name, step.function_name);
      assert.equal(inputs.memorySize, step.memory_mb);
      assert.equal(inputs.timeout, step.timeout_s);
      assert.deepEqual(inputs.ephemeralStorage, { size: step.storage_mb });
      assert.deepEqual(inputs.architectures, ["arm64"]);
    }
  });

  it("are the zip's bootstrap, or the image by its digest", () => {
    for (const step of steps) {
      const { inputs } = stack.one(FUNCTION, step.function_name);
      if (step.package === "zip") {
        assert.equal(inputs.packageType, "Zip");
        assert.equal(inputs.runtime, "provided.al2023");
        assert.equal(inputs.handler, "bootstrap");
        assert.equal(inputs.imageUri, undefined);
      } else {
        assert.equal(inputs.packageType, "Image");
        assert.equal(inputs.imageUri, `123456789012.dkr.ecr.us-east-1.amazonaws.com/tillite@${DIGEST}`);
        assert.equal(inputs.runtime, undefined);
        assert.equal(inputs.code, undefined);
      }
    }
  });

  it("know their step, the table, the buckets and the queue, and what the step's environment says", () => {
    for (const step of steps) {
      const environment = environmentOf(step.function_name);
      assert.equal(environment.HANDLER_TYPE, step.handler_type);
      assert.equal(environment.DYNAMODB_TABLE_NAME, "receipts");
      assert.equal(environment.CHROMADB_BUCKET, "chromadb-vectors-123456789012-us-east-1");
      assert.equal(environment.S3_BUCKET, "embedding-batch-files-123456789012-us-east-1");
      assert.match(String(environment.COMPACTION_QUEUE_URL), /^https:.*\/chromadb-delta-queue$/);
      assert.equal(environment.EMBEDDING_MODEL, "text-embedding-3-small");
      for (const [name, value] of Object.entries(step.environment)) assert.equal(environment[name], value);
    }
    assert.equal(environmentOf("embedding-vector-compact").USE_SEQUENTIAL_PROCESSING, "true");
  });

  it("have the provider's key only where the provider is called: as a secret, encrypted with a key of the stack", () => {
    for (const step of steps) {
      const { inputs } = stack.one(FUNCTION, step.function_name);
      const callsProvider = permissions.steps[step.handler_type]?.calls_provider;
      const environment = environmentOf(step.function_name);
      assert.equal(environment.OPENAI_API_KEY, callsProvider ? API_KEY : undefined);
      assert.equal(isSecret(inputs.environment), callsProvider);
      assert.equal(inputs.kmsKeyArn, callsProvider ? "arn:aws:kms:us-east-1:123456789012:key/1" : undefined);
    }
    assert.ok(!JSON.stringify(stack.outputs).includes(API_KEY));
    assert.equal(stack.one("aws:kms/key:Key", "embedding-functions").inputs.enableKeyRotation, true);
  });

  it("ask another server, model and size if the stack says so", async () => {
    const other = await deployed({
      ...WHOLE,
      "tillite:openaiBaseUrl": "https://embeddings.example/v1",
      "tillite:embeddingModel": "text-embedding-3-large",
      "tillite:embeddingDimensions": "1024",
      "tillite:logLevel": "DEBUG",
    });
    const environment = environmentOf("embedding-line-submit", other);
    assert.equal(environment.OPENAI_BASE_URL, "https://embeddings.example/v1");
    assert.equal(environment.EMBEDDING_MODEL, "text-embedding-3-large");
    assert.equal(environment.EMBEDDING_DIMENSIONS, "1024");
    assert.equal(environment.LOG_LEVEL, "DEBUG");
  });
});

describe("compaction", () => {
  it("is started by the queue, which hears of each message by itself", () => {
    const [mapping, ...others] = stack.all("aws:lambda/eventSourceMapping:EventSourceMapping");
    assert.deepEqual(others, []);
    assert.equal(mapping?.inputs.eventSourceArn, "arn:aws:sqs:us-east-1:123456789012:chromadb-delta-queue");
    assert.equal(
      mapping.inputs.functionName,
      "arn:aws:lambda:us-east-1:123456789012:function:embedding-vector-compact",
    );
    assert.deepEqual(mapping.inputs.functionResponseTypes, ["ReportBatchItemFailures"]);
    assert.equal(mapping.inputs.batchSize, 10);
    assert.deepEqual(mapping.inputs.scalingConfig, { maximumConcurrency: 2 });
  });

  it("may not run longer than its messages are invisible", () => {
    const queue = stack.one("aws:sqs/queue:Queue", "chromadb-deltas").inputs;
    const step = steps.find((one) => one.handler_type === "compaction");
    assert.ok(step !== undefined && step.timeout_s <= Number(queue.visibilityTimeoutSeconds));
  });

  it("alone has its concurrency reserved, and not at all if the stack says 0", async () => {
    const reserved = (deployment: Deployment) =>
      deployment
        .all(FUNCTION)
        .filter((made) => made.inputs.reservedConcurrentExecutions !== undefined)
        .map((made) => [made.name, made.inputs.reservedConcurrentExecutions]);
    assert.deepEqual(reserved(stack), [["embedding-vector-compact", 6]]);
    assert.deepEqual(reserved(await deployed({ ...WHOLE, "tillite:compactionConcurrency": "0" })), []);
  });
});
