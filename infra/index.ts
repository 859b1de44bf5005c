// The stack: storage, queues and the image's repository, and, as soon as there is an image, everything that runs.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { ChromaDBBuckets } from "./components/chromadb_buckets.ts";
import { ChromaDBQueues } from "./components/chromadb_queues.ts";
import { DockerImageComponent } from "./components/docker_image.ts";
import { EmbeddingInfrastructure } from "./components/embedding_infrastructure.ts";
import { ReceiptsTable } from "./components/receipts_table.ts";
import { readPermissions } from "./inputs/permissions.ts";
import { readSettings } from "./inputs/settings.ts";
import { readSteps } from "./inputs/steps.ts";

export default function deploy(): Record<string, pulumi.Input<unknown>> {
  const settings = readSettings(new pulumi.Config("tillite"));
  const naming = { suffix: settings.suffix };
  const place = {
    naming,
    accountId: aws.getCallerIdentityOutput().accountId,
    region: aws.getRegionOutput().region,
    protect: settings.protectData,
  };
  const table =
    settings.existingTable === undefined
      ? new ReceiptsTable("receipts", place).table
      : aws.dynamodb.getTableOutput({ name: settings.existingTable });
  const vectors =
    settings.existingBucket === undefined
      ? new ChromaDBBuckets("chromadb", place).vectors
      : aws.s3.getBucketOutput({ bucket: settings.existingBucket });
  const queues = new ChromaDBQueues("chromadb", { naming });
  const image = new DockerImageComponent("image", { ...place, digest: settings.imageDigest });
  const storage = {
    tableName: table.name,
    vectorsBucket: vectors.bucket,
    queueUrl: queues.deltas.url,
    deadLetterQueueUrl: queues.deadLetters.url,
    repositoryUrl: image.repository.repositoryUrl,
  };
  if (image.imageUri === undefined) {
    return { ...storage, next: 'push the image and set tillite:imageDigest (infra/README.md, "The image")' };
  }
  const embedding = new EmbeddingInfrastructure("embedding", {
    ...place,
    steps: readSteps(),
    permissions: readPermissions(),
    table,
    vectors,
    queue: queues.deltas,
    deadLetters: queues.deadLetters,
    imageUri: image.imageUri,
    bootstrapZip: settings.bootstrapZip,
    provider: {
      apiKey: settings.openaiApiKey,
      baseUrl: settings.openaiBaseUrl,
      model: settings.embeddingModel,
      dimensions: settings.embeddingDimensions,
    },
    logLevel: settings.logLevel,
    logRetentionDays: settings.logRetentionDays,
    compactionConcurrency: settings.compactionConcurrency,
    alarmEmail: settings.alarmEmail,
    submitSchedule: settings.submitSchedule,
    pollSchedule: settings.pollSchedule,
  });
  return { ...storage, ...embedding.outputs };
}
