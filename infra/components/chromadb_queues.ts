// The queue of delta notifications and its dead letters. Its numbers are those of the embedded queue.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { type Naming, policyDocument, TilliteComponent, tlsOnly } from "./base.ts";

export interface ChromaDBQueuesArgs {
  readonly naming: Naming;
}

const DAY_S = 24 * 3600;

export const DELTA_QUEUE = "chromadb-delta-queue";
export const DEAD_LETTER_QUEUE = "chromadb-delta-dlq";
/** As long as the compaction may run: Lambda does not take a queue with less. */
export const VISIBILITY_S = 900;
export const RETENTION_S = 4 * DAY_S;
export const DEAD_LETTER_RETENTION_S = 14 * DAY_S;
export const LONG_POLL_S = 20;
export const RECEIVES_MAX = 5;

export class ChromaDBQueues extends TilliteComponent {
  readonly deltas: aws.sqs.Queue;
  readonly deadLetters: aws.sqs.Queue;

  constructor(name: string, args: ChromaDBQueuesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ChromaDBQueues", name, args.naming, opts);
    this.deadLetters = new aws.sqs.Queue(
      `${name}-dlq`,
      {
        name: this.physicalName(DEAD_LETTER_QUEUE),
        messageRetentionSeconds: DEAD_LETTER_RETENTION_S,
        sqsManagedSseEnabled: true,
        tags: this.tags(),
      },
      this.child(),
    );
    this.deltas = new aws.sqs.Queue(
      `${name}-deltas`,
      {
        name: this.physicalName(DELTA_QUEUE),
        visibilityTimeoutSeconds: VISIBILITY_S,
        messageRetentionSeconds: RETENTION_S,
        receiveWaitTimeSeconds: LONG_POLL_S,
        redrivePolicy: pulumi.jsonStringify({
          deadLetterTargetArn: this.deadLetters.arn,
          maxReceiveCount: RECEIVES_MAX,
        }),
        sqsManagedSseEnabled: true,
        tags: this.tags(),
      },
      this.child(),
    );
    new aws.sqs.RedriveAllowPolicy(
      `${name}-dlq`,
      {
        queueUrl: this.deadLetters.url,
        redriveAllowPolicy: pulumi.jsonStringify({
          redrivePermission: "byQueue",
          sourceQueueArns: [this.deltas.arn],
        }),
      },
      this.child(),
    );
    for (const [part, queue] of [
      ["deltas", this.deltas],
      ["dlq", this.deadLetters],
    ] as const) {
      new aws.sqs.QueuePolicy(
        `${name}-${part}`,
        { queueUrl: queue.url, policy: policyDocument([tlsOnly("sqs", [queue.arn])]) },
        this.child(),
      );
    }
    this.registerOutputs({ queueUrl: this.deltas.url, deadLetterQueueUrl: this.deadLetters.url });
  }
}
