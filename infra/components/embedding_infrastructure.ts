// The whole pipeline over a table, a bucket and queues that are there: image, functions, workflows, what watches them.
import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

import type { Permissions } from "../inputs/permissions.ts";
import type { Step } from "../inputs/steps.ts";
import { type Naming, TilliteComponent } from "./base.ts";
import { LambdaFunctionsComponent, type ProviderSettings } from "./lambda_functions.ts";
import { LINE_MACHINES, LineEmbeddingWorkflow } from "./line_workflow.ts";
import { MonitoringComponent } from "./monitoring.ts";
import { WORD_MACHINES, WordEmbeddingWorkflow } from "./word_workflow.ts";
import { type ScheduledMachine, WorkflowSchedules } from "./workflow_schedules.ts";

export interface EmbeddingInfrastructureArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly steps: readonly Step[];
  readonly permissions: Permissions;
  readonly table: Pick<aws.dynamodb.Table, "name" | "arn">;
  readonly vectors: Pick<aws.s3.Bucket, "bucket" | "arn">;
  readonly queue: Pick<aws.sqs.Queue, "name" | "url" | "arn">;
  readonly deadLetters: Pick<aws.sqs.Queue, "name">;
  readonly imageUri: pulumi.Input<string>;
  readonly bootstrapZip: string;
  readonly provider: ProviderSettings;
  readonly logLevel: string;
  readonly logRetentionDays: number;
  readonly compactionConcurrency: number;
  readonly protect: boolean;
  readonly alarmEmail?: string;
  /** When the workflows start by themselves; absent: never. */
  readonly submitSchedule?: string;
  readonly pollSchedule?: string;
}

/** ARNs and URLs of what was deployed. */
export interface EmbeddingOutputs {
  readonly functionArns: Record<string, pulumi.Output<string>>;
  readonly stateMachineArns: Record<string, pulumi.Output<string>>;
  readonly batchFilesBucket: pulumi.Output<string>;
  readonly alarmTopicArn: pulumi.Output<string>;
}

export class EmbeddingInfrastructure extends TilliteComponent {
  readonly outputs: EmbeddingOutputs;

  constructor(name: string, args: EmbeddingInfrastructureArgs, opts?: pulumi.ComponentResourceOptions) {
    super("EmbeddingInfrastructure", name, args.naming, opts);
    const monitoring = new MonitoringComponent(
      `${name}-monitoring`,
      { ...args, machines: [...Object.values(LINE_MACHINES), ...Object.values(WORD_MACHINES)] },
      { parent: this },
    );
    const lambdas = new LambdaFunctionsComponent(
      `${name}-functions`,
      { ...args, logGroups: monitoring.logGroups },
      { parent: this },
    );
    const workflowArgs = { ...args, functions: lambdas.functions, batchFiles: lambdas.batchFiles };
    const lines = new LineEmbeddingWorkflow(`${name}-lines`, workflowArgs, { parent: this });
    const words = new WordEmbeddingWorkflow(`${name}-words`, workflowArgs, { parent: this });
    const submits = [
      { name: LINE_MACHINES.submit, arn: lines.submit.arn },
      { name: WORD_MACHINES.submit, arn: words.submit.arn },
    ];
    const polls = [
      { name: LINE_MACHINES.poll, arn: lines.poll.arn },
      { name: WORD_MACHINES.poll, arn: words.poll.arn },
    ];
    new WorkflowSchedules(
      `${name}-schedules`,
      { ...args, machines: [...scheduled(submits, args.submitSchedule), ...scheduled(polls, args.pollSchedule)] },
      { parent: this },
    );
    this.outputs = {
      functionArns: Object.fromEntries([...lambdas.functions].map(([base, made]) => [base, made.arn])),
      stateMachineArns: Object.fromEntries([...submits, ...polls].map((machine) => [machine.name, machine.arn])),
      batchFilesBucket: lambdas.batchFiles.bucket,
      alarmTopicArn: monitoring.alarmTopic.arn,
    };
    this.registerOutputs(this.outputs);
  }
}

function scheduled(machines: readonly Omit<ScheduledMachine, "when">[], when: string | undefined): ScheduledMachine[] {
  return when === undefined ? [] : machines.map((machine) => ({ ...machine, when }));
}
