// The steps as functions of Lambda: one role each with what the step calls and nothing else, and the bucket of batch
// files.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { type Permissions, permissionsOf, statementsOf } from "../inputs/permissions.ts";
import { COMPACTION, type Step } from "../inputs/steps.ts";
import { accountBucketName, type Naming, type Statement, TilliteComponent } from "./base.ts";
import { type Expiration, PrivateBucket } from "./private_bucket.ts";
import { ServiceRole } from "./service_role.ts";

/** What the functions ask for embeddings. */
export interface ProviderSettings {
  readonly apiKey?: pulumi.Input<string>;
  readonly baseUrl?: string;
  readonly model: string;
  readonly dimensions?: number;
}

export interface LambdaFunctionsArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly steps: readonly Step[];
  readonly permissions: Permissions;
  readonly imageUri: pulumi.Input<string>;
  /** The path of the zip with `bootstrap`. */
  readonly bootstrapZip: string;
  readonly table: Pick<aws.dynamodb.Table, "name" | "arn">;
  readonly vectors: Pick<aws.s3.Bucket, "bucket" | "arn">;
  readonly queue: Pick<aws.sqs.Queue, "url" | "arn">;
  readonly provider: ProviderSettings;
  readonly logLevel: string;
  /** The log group of each function, by the function's name without suffix. */
  readonly logGroups: ReadonlyMap<string, aws.cloudwatch.LogGroup>;
  /** How many compactions may run at once; 0: as many as the account lets. */
  readonly compactionConcurrency: number;
  readonly protect: boolean;
}

/**
 * Batch files are needed as long as their batch is open. A batch that was submitted ends after 30 days at the latest,
 * because the provider keeps its files no longer; the rest is room for a pipeline that stands still between two of its
 * runs.
 */
export const BATCH_FILE_DAYS = 90;
export const BATCH_FILE_EXPIRATIONS: readonly Expiration[] = [
  { prefix: "line_embeddings/", days: BATCH_FILE_DAYS },
  { prefix: "word_embeddings/", days: BATCH_FILE_DAYS },
];

const MESSAGES_A_CALL = 10;
/** Compactions that the queue may start at once: one for each collection. It is also the least that Lambda takes. */
const QUEUE_CONCURRENCY = 2;

export class LambdaFunctionsComponent extends TilliteComponent {
  readonly batchFiles: aws.s3.Bucket;
  /** By name, without suffix: "embedding-line-find". */
  readonly functions: ReadonlyMap<string, aws.lambda.Function>;
  /** What the environment of the functions with the provider's key is encrypted with. */
  readonly environmentKey: aws.kms.Key;

  constructor(name: string, args: LambdaFunctionsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("LambdaFunctionsComponent", name, args.naming, opts);
    this.batchFiles = new PrivateBucket(
      `${name}-batch-files`,
      {
        naming: args.naming,
        bucketName: accountBucketName("embedding-batch-files", args),
        protect: args.protect,
        expirations: BATCH_FILE_EXPIRATIONS,
      },
      { parent: this },
    ).bucket;
    this.environmentKey = new aws.kms.Key(
      name,
      {
        description: "The environment of Tillite's functions, which holds the key of the embedding provider",
        enableKeyRotation: true,
        tags: this.tags(),
      },
      this.child(),
    );
    this.functions = new Map(args.steps.map((step) => [step.function_name, this.function(step, args)]));
    const compaction = args.steps.find((step) => step.handler_type === COMPACTION);
    const consumer = compaction && this.functions.get(compaction.function_name);
    if (consumer === undefined) throw new Error(`workflows/steps.json has no step ${COMPACTION}`);
    new aws.lambda.EventSourceMapping(
      name,
      {
        eventSourceArn: args.queue.arn,
        functionName: consumer.arn,
        batchSize: MESSAGES_A_CALL,
        functionResponseTypes: ["ReportBatchItemFailures"],
        scalingConfig: { maximumConcurrency: QUEUE_CONCURRENCY },
        tags: this.tags(),
      },
      this.child(),
    );
    this.registerOutputs({ batchFiles: this.batchFiles.id });
  }

  private function(step: Step, args: LambdaFunctionsArgs): aws.lambda.Function {
    const { calls_provider: callsProvider } = permissionsOf(step.handler_type, args.permissions);
    const logGroup = args.logGroups.get(step.function_name);
    if (logGroup === undefined) throw new Error(`the function ${step.function_name} has no log group`);
    const role = this.role(step, logGroup, callsProvider, args);
    return new aws.lambda.Function(
      step.function_name,
      {
        name: this.physicalName(step.function_name),
        description: `Tillite: ${step.handler_type}`,
        role: role.arn,
        architectures: ["arm64"],
        ...this.code(step, args),
        memorySize: step.memory_mb,
        timeout: step.timeout_s,
        ephemeralStorage: { size: step.storage_mb },
        environment: { variables: this.environment(step, callsProvider, args) },
        ...(callsProvider ? { kmsKeyArn: this.environmentKey.arn } : {}),
        ...(step.handler_type === COMPACTION && args.compactionConcurrency > 0
          ? { reservedConcurrentExecutions: args.compactionConcurrency }
          : {}),
        loggingConfig: { logFormat: "Text", logGroup: logGroup.name },
        tracingConfig: { mode: "Active" },
        tags: this.tags(),
      },
      this.child({ dependsOn: [logGroup, role.policy] }),
    );
  }

  private code(step: Step, args: LambdaFunctionsArgs) {
    if (step.package === "container") return { packageType: "Image", imageUri: args.imageUri };
    return {
      packageType: "Zip",
      runtime: "provided.al2023",
      handler: "bootstrap",
      code: new pulumi.asset.FileArchive(args.bootstrapZip),
    };
  }

  private environment(
    step: Step,
    callsProvider: boolean,
    args: LambdaFunctionsArgs,
  ): Record<string, pulumi.Input<string>> {
    const { provider } = args;
    return {
      DYNAMODB_TABLE_NAME: args.table.name,
      CHROMADB_BUCKET: args.vectors.bucket,
      S3_BUCKET: this.batchFiles.bucket,
      COMPACTION_QUEUE_URL: args.queue.url,
      CHROMA_PERSIST_DIRECTORY: "/tmp/chroma",
      HANDLER_TYPE: step.handler_type,
      LOG_LEVEL: args.logLevel,
      EMBEDDING_MODEL: provider.model,
      ...(provider.dimensions === undefined ? {} : { EMBEDDING_DIMENSIONS: provider.dimensions.toString() }),
      ...(callsProvider && provider.apiKey !== undefined ? { OPENAI_API_KEY: provider.apiKey } : {}),
      ...(callsProvider && provider.baseUrl !== undefined ? { OPENAI_BASE_URL: provider.baseUrl } : {}),
      ...step.environment,
    };
  }

  private role(
    step: Step,
    logGroup: aws.cloudwatch.LogGroup,
    callsProvider: boolean,
    args: LambdaFunctionsArgs,
  ): ServiceRole {
    const statements: Statement[] = [
      ...statementsOf(
        step.handler_type,
        args.permissions,
        {
          table: args.table.arn,
          table_indexes: pulumi.interpolate`${args.table.arn}/index/*`,
          vectors: args.vectors.arn,
          batch_files: this.batchFiles.arn,
          queue: args.queue.arn,
        },
        (bucketArn) => pulumi.interpolate`${bucketArn}/*`,
      ),
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: pulumi.interpolate`${logGroup.arn}:*`,
      },
      // AWS knows no resource of these two.
      { Effect: "Allow", Action: ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], Resource: "*" },
      ...(callsProvider
        ? [{ Effect: "Allow" as const, Action: "kms:Decrypt", Resource: this.environmentKey.arn }]
        : []),
    ];
    return new ServiceRole(
      step.function_name,
      { naming: this.naming, service: "lambda.amazonaws.com", statements },
      { parent: this },
    );
  }
}
