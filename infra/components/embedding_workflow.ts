// Two state machines and their role: what the workflows of lines and of words have in common.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { type Definition, readDefinition } from "../inputs/definitions.ts";
import { type Naming, type Statement, TilliteComponent } from "./base.ts";
import { ServiceRole } from "./service_role.ts";

export interface EmbeddingWorkflowArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  /** The functions by name, without suffix. */
  readonly functions: ReadonlyMap<string, Pick<aws.lambda.Function, "arn">>;
  readonly vectors: Pick<aws.s3.Bucket, "arn">;
  readonly batchFiles: Pick<aws.s3.Bucket, "arn">;
  readonly logRetentionDays: number;
}

/** Which state machines a workflow has, by their names without suffix. */
export interface WorkflowMachines {
  readonly submit: string;
  readonly poll: string;
}

export abstract class EmbeddingWorkflow extends TilliteComponent {
  /** Finds what has no embedding and submits it. */
  readonly submit: aws.sfn.StateMachine;
  /** Polls the batches, and merges what they delivered. */
  readonly poll: aws.sfn.StateMachine;

  protected constructor(
    kind: string,
    name: string,
    machines: WorkflowMachines,
    args: EmbeddingWorkflowArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(kind, name, args.naming, opts);
    const definitions = [machines.submit, machines.poll].map((machine) => readDefinition(machine, args.naming.suffix));
    const role = new ServiceRole(
      name,
      {
        naming: args.naming,
        service: "states.amazonaws.com",
        onlyFor: args.accountId,
        statements: this.statements(definitions, args),
      },
      { parent: this },
    );
    const [submit, poll] = definitions.map((definition) => this.machine(definition, role, args));
    if (submit === undefined || poll === undefined) throw new Error(`${name} has two state machines`);
    this.submit = submit;
    this.poll = poll;
    this.registerOutputs({ submit: submit.arn, poll: poll.arn });
  }

  private machine(definition: Definition, role: ServiceRole, args: EmbeddingWorkflowArgs): aws.sfn.StateMachine {
    const name = this.physicalName(definition.machine);
    const logGroup = new aws.cloudwatch.LogGroup(
      definition.machine,
      { name: `/aws/vendedlogs/states/${name}`, retentionInDays: args.logRetentionDays, tags: this.tags() },
      this.child(),
    );
    return new aws.sfn.StateMachine(
      definition.machine,
      {
        name,
        type: "STANDARD",
        roleArn: role.arn,
        definition: definition.text,
        loggingConfiguration: {
          level: "ERROR",
          includeExecutionData: false,
          logDestination: pulumi.interpolate`${logGroup.arn}:*`,
        },
        tracingConfiguration: { enabled: true },
        tags: this.tags(),
      },
      this.child({ dependsOn: [role.policy] }),
    );
  }

  private statements(definitions: readonly Definition[], args: EmbeddingWorkflowArgs): Statement[] {
    const called = [...new Set(definitions.flatMap((definition) => definition.functions))].sort();
    const machines = definitions.map((definition) => this.physicalName(definition.machine));
    const arn = (kind: string, rest: string) =>
      pulumi.interpolate`arn:aws:states:${args.region}:${args.accountId}:${kind}:${rest}`;
    return [
      {
        Sid: "Steps",
        Effect: "Allow",
        Action: "lambda:InvokeFunction",
        Resource: called.map((name) => {
          const found = args.functions.get(name);
          if (found === undefined)
            throw new Error(`a state machine calls ${name}, which workflows/steps.json does not have`);
          return found.arn;
        }),
      },
      // A Distributed Map starts its own state machine's children, and watches and stops them.
      {
        Sid: "ChildrenOfMaps",
        Effect: "Allow",
        Action: "states:StartExecution",
        Resource: machines.map((machine) => arn("stateMachine", machine)),
      },
      {
        Sid: "WatchedChildren",
        Effect: "Allow",
        Action: ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"],
        Resource: machines.flatMap((machine) => [arn("execution", `${machine}:*`), arn("execution", `${machine}/*`)]),
      },
      // The lists that Maps read, and what they write of their children's results.
      {
        Sid: "Lists",
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject"],
        Resource: [
          pulumi.interpolate`${args.batchFiles.arn}/*`,
          pulumi.interpolate`${args.vectors.arn}/intermediate/*`,
        ],
      },
      // AWS knows no resource of these.
      {
        Sid: "LogDelivery",
        Effect: "Allow",
        Action: [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
        ],
        Resource: "*",
      },
      {
        Sid: "Traces",
        Effect: "Allow",
        Action: [
          "xray:GetSamplingRules",
          "xray:GetSamplingTargets",
          "xray:PutTelemetryRecords",
          "xray:PutTraceSegments",
        ],
        Resource: "*",
      },
    ];
  }
}
