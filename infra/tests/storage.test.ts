import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { deployed, WHOLE } from "./deployment.ts";
import { statements } from "./values.ts";

interface Rule {
  readonly id: string;
  readonly status: string;
  readonly filter: { readonly prefix: string };
  readonly expiration?: { readonly days?: number };
  readonly noncurrentVersionExpiration?: { readonly noncurrentDays: number };
  readonly abortIncompleteMultipartUpload?: { readonly daysAfterInitiation: number };
}

interface Keys {
  readonly kept: readonly string[];
  readonly made_anew: readonly string[];
  readonly batch_files: readonly string[];
}

const VECTORS = "chromadb-vectors";
const BATCH_FILES = "embedding-functions-batch-files";
const stack = await deployed(WHOLE);

function rulesOf(bucket: string): readonly Rule[] {
  return stack.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", bucket).inputs
    .rules as readonly Rule[];
}

/** After how many days a current object goes; never: undefined. */
function daysOf(key: string, rules: readonly Rule[]): number | undefined {
  const days = rules
    .filter((rule) => rule.status === "Enabled" && key.startsWith(rule.filter.prefix))
    .flatMap((rule) => rule.expiration?.days ?? []);
  return days.length === 0 ? undefined : Math.min(...days);
}

/** As the program's own builders make them. */
function keysOfTheProgram(): Keys | undefined {
  const printed = process.env.TILLITE_KEYS;
  return printed === undefined ? undefined : (JSON.parse(printed) as Keys);
}

describe("each bucket", () => {
  for (const bucket of [VECTORS, BATCH_FILES]) {
    it(`${bucket} is private, encrypted, keeps versions and is reached by TLS alone`, () => {
      const part = (type: string) => stack.one(type, bucket).inputs;
      assert.deepEqual(part("aws:s3/bucketVersioning:BucketVersioning").versioningConfiguration, { status: "Enabled" });
      const access = part("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock");
      for (const what of ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"]) {
        assert.equal(access[what], true);
      }
      assert.deepEqual(
        part("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").rules,
        [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      );
      assert.deepEqual(part("aws:s3/bucketOwnershipControls:BucketOwnershipControls").rule, {
        objectOwnership: "BucketOwnerEnforced",
      });
      const [only, ...others] = statements(part("aws:s3/bucketPolicy:BucketPolicy").policy);
      assert.deepEqual(others, []);
      assert.equal(only?.Effect, "Deny");
      assert.deepEqual(only.Condition, { Bool: { "aws:SecureTransport": "false" } });
    });

    it(`${bucket} lets unfinished uploads and replaced versions go, and no current object by that`, () => {
      const rules = rulesOf(bucket);
      assert.ok(rules.some((rule) => rule.abortIncompleteMultipartUpload?.daysAfterInitiation === 7));
      assert.ok(rules.some((rule) => rule.noncurrentVersionExpiration?.noncurrentDays === 30));
      assert.equal(daysOf("anything/else", rules), undefined);
    });
  }

  it("has a name that no other account and region has", () => {
    assert.deepEqual(
      stack
        .all("aws:s3/bucket:Bucket")
        .map((made) => made.inputs.bucket)
        .sort(),
      ["chromadb-vectors-123456789012-us-east-1", "embedding-batch-files-123456789012-us-east-1"],
    );
  });
});

describe("the lifecycle rules", () => {
  const keys = keysOfTheProgram();
  it("never take what was paid for by its age", { skip: keys === undefined && "TILLITE_KEYS is not set" }, () => {
    const kept = keys?.kept ?? [];
    assert.ok(kept.length > 10);
    for (const key of kept) assert.equal(daysOf(key, rulesOf(VECTORS)), undefined, key);
  });

  it("take intermediates after all redrives", { skip: keys === undefined && "TILLITE_KEYS is not set" }, () => {
    for (const key of keys?.made_anew ?? []) assert.equal(daysOf(key, rulesOf(VECTORS)), 15, key);
  });

  it(
    "take batch files when their batch has long ended",
    { skip: keys === undefined && "TILLITE_KEYS is not set" },
    () => {
      for (const key of keys?.batch_files ?? []) assert.equal(daysOf(key, rulesOf(BATCH_FILES)), 90, key);
    },
  );

  it("take nothing else: deltas of old and keys of collections to come", () => {
    for (const key of [
      "lines/delta/1/chroma.sqlite3",
      "words/delta/2/delta.tar.gz",
      "receipt_pages/g1/delta/3.tar.gz",
    ]) {
      assert.equal(daysOf(key, rulesOf(VECTORS)), undefined, key);
    }
  });
});

describe("the queues", () => {
  const deltas = stack.one("aws:sqs/queue:Queue", "chromadb-deltas").inputs;
  const dead = stack.one("aws:sqs/queue:Queue", "chromadb-dlq").inputs;

  it("have the numbers of the embedded queue", () => {
    assert.equal(deltas.name, "chromadb-delta-queue");
    assert.equal(deltas.visibilityTimeoutSeconds, 900);
    assert.equal(deltas.messageRetentionSeconds, 4 * 86400);
    assert.equal(deltas.receiveWaitTimeSeconds, 20);
    assert.equal(dead.name, "chromadb-delta-dlq");
    assert.equal(dead.messageRetentionSeconds, 14 * 86400);
  });

  it("hand a message to the dead letters after five receives, and nobody else may", () => {
    assert.deepEqual(JSON.parse(String(deltas.redrivePolicy)), {
      deadLetterTargetArn: "arn:aws:sqs:us-east-1:123456789012:chromadb-delta-dlq",
      maxReceiveCount: 5,
    });
    const allowed = stack.one("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "chromadb-dlq").inputs;
    assert.deepEqual(JSON.parse(String(allowed.redriveAllowPolicy)), {
      redrivePermission: "byQueue",
      sourceQueueArns: ["arn:aws:sqs:us-east-1:123456789012:chromadb-delta-queue"],
    });
  });

  it("are encrypted, and reached by TLS alone", () => {
    assert.equal(deltas.sqsManagedSseEnabled, true);
    assert.equal(dead.sqsManagedSseEnabled, true);
    for (const made of stack.all("aws:sqs/queuePolicy:QueuePolicy")) {
      assert.deepEqual(
        statements(made.inputs.policy).map((one) => [one.Effect, one.Condition]),
        [["Deny", { Bool: { "aws:SecureTransport": "false" } }]],
      );
    }
    assert.equal(stack.all("aws:sqs/queuePolicy:QueuePolicy").length, 2);
  });
});

describe("the table", () => {
  const table = stack.one("aws:dynamodb/table:Table", "receipts").inputs;

  it("has the keys and indexes that docs/formats/table.md names", () => {
    assert.equal(table.hashKey, "PK");
    assert.equal(table.rangeKey, "SK");
    const both = (index: string) => ({
      name: index,
      keySchemas: [
        { attributeName: `${index}PK`, keyType: "HASH" },
        { attributeName: `${index}SK`, keyType: "RANGE" },
      ],
      projectionType: "ALL",
    });
    assert.deepEqual(table.globalSecondaryIndexes, [
      both("GSI1"),
      both("GSI2"),
      both("GSI3"),
      { name: "GSITYPE", keySchemas: [{ attributeName: "TYPE", keyType: "HASH" }], projectionType: "ALL" },
    ]);
    const attributes = table.attributes as { name: string; type: string }[];
    assert.ok(attributes.every((attribute) => attribute.type === "S"));
    assert.equal(attributes.length, 9);
  });

  it("is paid by the request, can be restored to any moment, and forgets what has a time to live", () => {
    assert.equal(table.billingMode, "PAY_PER_REQUEST");
    assert.deepEqual(table.pointInTimeRecovery, { enabled: true });
    assert.deepEqual(table.ttl, { attributeName: "time_to_live", enabled: true });
    assert.equal(table.deletionProtectionEnabled, true);
  });
});

describe("the image's repository", () => {
  it("scans what is pushed, and keeps ten tagged images and untagged ones for 30 days", () => {
    const repository = stack.one("aws:ecr/repository:Repository", "image").inputs;
    assert.deepEqual(repository.imageScanningConfiguration, { scanOnPush: true });
    const policy = stack.one("aws:ecr/lifecyclePolicy:LifecyclePolicy", "image").inputs.policy;
    const { rules } = JSON.parse(String(policy)) as { rules: { selection: Record<string, unknown> }[] };
    assert.deepEqual(
      rules.map((rule) => rule.selection),
      [
        { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 30 },
        { tagStatus: "tagged", tagPatternList: ["*"], countType: "imageCountMoreThan", countNumber: 10 },
      ],
    );
  });

  it("lets Lambda pull, for functions of this account alone", () => {
    const [only] = statements(stack.one("aws:ecr/repositoryPolicy:RepositoryPolicy", "image").inputs.policy);
    assert.deepEqual(only?.Action, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
    assert.deepEqual(only.Condition, {
      ArnLike: { "aws:SourceArn": "arn:aws:lambda:us-east-1:123456789012:function:*" },
    });
  });
});
