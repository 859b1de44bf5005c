import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";

import { repositoryFile } from "../inputs/repository.ts";
import { readSteps } from "../inputs/steps.ts";
import { deployed, type Deployment, WHOLE } from "./deployment.ts";
import { Moto } from "./moto.ts";

interface Function {
  readonly Configuration: {
    readonly MemorySize: number;
    readonly Timeout: number;
    readonly Environment: { readonly Variables: Record<string, string> };
    readonly Architectures: readonly string[];
  };
}

const moto = await Moto.start();
after(() => {
  moto?.stop();
});

const MISSING = "SKIPPED: python3 has no moto, so that no service judged what infra/ makes";
if (moto === undefined) console.log(MISSING);

describe("at a service", { skip: moto === undefined && MISSING }, () => {
  let stack: Deployment;

  it("every resource can be made", async () => {
    stack = await deployed(
      { ...WHOLE, "tillite:alarmEmail": "you@example.com", "tillite:pollSchedule": "rate(1 hour)" },
      peer(),
    );
    assert.ok(stack.resources.length > 120);
  });

  it("the functions are called as the state machines call them, with the queue's and the table's own names", async () => {
    for (const step of readSteps()) {
      const made = (await peer().call("lambda", "get_function", { FunctionName: step.function_name })) as Function;
      assert.equal(made.Configuration.MemorySize, step.memory_mb);
      assert.equal(made.Configuration.Timeout, step.timeout_s);
      assert.deepEqual(made.Configuration.Architectures, ["arm64"]);
      assert.equal(made.Configuration.Environment.Variables.COMPACTION_QUEUE_URL, stack.outputs.queueUrl);
    }
  });

  it("the definitions are the files, byte for byte", async () => {
    for (const [machine, arn] of Object.entries(stack.outputs.stateMachineArns as Record<string, string>)) {
      const made = (await peer().call("stepfunctions", "describe_state_machine", { stateMachineArn: arn })) as {
        definition: string;
      };
      assert.equal(made.definition, readFileSync(repositoryFile(`workflows/${machine}.asl.json`), "utf8"));
    }
  });

  it("a message that is received five times becomes a dead letter", async () => {
    const answer = (await peer().call("sqs", "get_queue_attributes", {
      QueueUrl: stack.outputs.queueUrl,
      AttributeNames: ["All"],
    })) as { Attributes: Record<string, string> };
    assert.equal(answer.Attributes.VisibilityTimeout, "900");
    const redrive = JSON.parse(answer.Attributes.RedrivePolicy ?? "") as { maxReceiveCount: number };
    assert.equal(redrive.maxReceiveCount, 5);
  });

  it("a line is found by its status, through GSI1", async () => {
    const item = { PK: { S: "IMAGE#1" }, SK: { S: "RECEIPT#00001#LINE#00001" }, TYPE: { S: "RECEIPT_LINE" } };
    await peer().call("dynamodb", "put_item", {
      TableName: stack.outputs.tableName,
      Item: { ...item, GSI1PK: { S: "EMBEDDING_STATUS#NONE" }, GSI1SK: { S: "LINE#IMAGE#1" } },
    });
    const found = (await peer().call("dynamodb", "query", {
      TableName: stack.outputs.tableName,
      IndexName: "GSI1",
      KeyConditionExpression: "GSI1PK = :pk AND begins_with(GSI1SK, :sk)",
      ExpressionAttributeValues: { ":pk": { S: "EMBEDDING_STATUS#NONE" }, ":sk": { S: "LINE#" } },
    })) as { Count: number };
    assert.equal(found.Count, 1);
  });

  it("an object that was removed can be brought back", async () => {
    const object = { Bucket: stack.outputs.vectorsBucket, Key: "receipt_lines/g1/delta/1.tar.gz" };
    // moto takes no notice of a policy's condition: it would refuse what comes by TLS, too.
    await peer().call("s3", "delete_bucket_policy", { Bucket: object.Bucket });
    await peer().call("s3", "put_object", { ...object, Body: "vectors" });
    await peer().call("s3", "delete_object", object);
    const versions = (await peer().call("s3", "list_object_versions", { Bucket: object.Bucket })) as {
      Versions: unknown[];
    };
    assert.equal(versions.Versions.length, 1);
  });
});

function peer(): Moto {
  assert.ok(moto !== undefined);
  return moto;
}
