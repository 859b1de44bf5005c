// What tells how the functions and state machines are: log groups, alarms, a dashboard. It knows them by their names,
// so that it can be there before them: a function may not make its own log group.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import type { Step } from "../inputs/steps.ts";
import { type Naming, TilliteComponent } from "./base.ts";
import { dashboardBody } from "./dashboard.ts";

export interface MonitoringArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly steps: readonly Step[];
  /** The state machines' names, without suffix. */
  readonly machines: readonly string[];
  readonly queue: Pick<aws.sqs.Queue, "name">;
  readonly deadLetters: Pick<aws.sqs.Queue, "name">;
  readonly logRetentionDays: number;
  readonly alarmEmail?: string;
}

const PERIOD_S = 300;
/** A function that takes longer than this share of its time-out is about to be cut off. */
const DURATION_SHARE = 0.9;
/** Notifications that nobody takes for so long mean that nothing compacts. */
const QUEUE_AGE_S = 3600;

export class MonitoringComponent extends TilliteComponent {
  /** By function, without suffix. */
  readonly logGroups: ReadonlyMap<string, aws.cloudwatch.LogGroup>;
  readonly alarmTopic: aws.sns.Topic;
  readonly alarms: readonly aws.cloudwatch.MetricAlarm[];

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("MonitoringComponent", name, args.naming, opts);
    this.logGroups = new Map(
      args.steps.map((step) => [
        step.function_name,
        new aws.cloudwatch.LogGroup(
          step.function_name,
          {
            name: `/aws/lambda/${this.physicalName(step.function_name)}`,
            retentionInDays: args.logRetentionDays,
            tags: this.tags(),
          },
          this.child(),
        ),
      ]),
    );
    this.alarmTopic = new aws.sns.Topic(
      `${name}-alarms`,
      { name: this.physicalName("tillite-alarms"), tags: this.tags() },
      this.child(),
    );
    if (args.alarmEmail !== undefined) {
      new aws.sns.TopicSubscription(
        `${name}-alarms`,
        { topic: this.alarmTopic.arn, protocol: "email", endpoint: args.alarmEmail },
        this.child(),
      );
    }
    this.alarms = [
      ...args.steps.flatMap((step) => this.functionAlarms(step)),
      ...args.machines.flatMap((machine) => this.machineAlarms(machine, args)),
      ...this.queueAlarms(args),
    ];
    new aws.cloudwatch.Dashboard(
      name,
      {
        dashboardName: this.physicalName("tillite"),
        dashboardBody: dashboardBody({
          region: args.region,
          functions: args.steps.map((step) => this.physicalName(step.function_name)),
          machineArns: args.machines.map((machine) => this.machineArn(machine, args)),
          queueNames: [args.queue.name, args.deadLetters.name],
        }),
      },
      this.child(),
    );
    this.registerOutputs({ alarmTopic: this.alarmTopic.arn });
  }

  private machineArn(machine: string, args: MonitoringArgs): pulumi.Output<string> {
    return pulumi.interpolate`arn:aws:states:${args.region}:${args.accountId}:stateMachine:${this.physicalName(machine)}`;
  }

  private functionAlarms(step: Step): aws.cloudwatch.MetricAlarm[] {
    const of = { FunctionName: this.physicalName(step.function_name) };
    const base = step.function_name;
    return [
      this.alarm(`${base}-errors`, `${base} raises errors`, {
        namespace: "AWS/Lambda",
        metricName: "Errors",
        dimensions: of,
      }),
      this.alarm(`${base}-throttles`, `${base} is held back by its concurrency`, {
        namespace: "AWS/Lambda",
        metricName: "Throttles",
        dimensions: of,
        evaluationPeriods: 3,
      }),
      this.alarm(`${base}-duration`, `${base} comes near its time-out of ${step.timeout_s.toString()} s`, {
        namespace: "AWS/Lambda",
        metricName: "Duration",
        dimensions: of,
        statistic: "Maximum",
        threshold: step.timeout_s * 1000 * DURATION_SHARE,
      }),
    ];
  }

  private machineAlarms(machine: string, args: MonitoringArgs): aws.cloudwatch.MetricAlarm[] {
    const of = { StateMachineArn: this.machineArn(machine, args) };
    return [
      this.alarm(`${machine}-failed`, `an execution of ${machine} failed`, {
        namespace: "AWS/States",
        metricName: "ExecutionsFailed",
        dimensions: of,
      }),
      this.alarm(`${machine}-timed-out`, `an execution of ${machine} timed out`, {
        namespace: "AWS/States",
        metricName: "ExecutionsTimedOut",
        dimensions: of,
      }),
      this.alarm(`${machine}-aborted`, `an execution of ${machine} was stopped`, {
        namespace: "AWS/States",
        metricName: "ExecutionsAborted",
        dimensions: of,
      }),
    ];
  }

  private queueAlarms(args: MonitoringArgs): aws.cloudwatch.MetricAlarm[] {
    return [
      this.alarm("dead-letters", "messages could not be read five times: tillite queue list", {
        namespace: "AWS/SQS",
        metricName: "ApproximateNumberOfMessagesVisible",
        dimensions: { QueueName: args.deadLetters.name },
        statistic: "Maximum",
      }),
      this.alarm("queue-age", "notifications of deltas wait and nothing takes them", {
        namespace: "AWS/SQS",
        metricName: "ApproximateAgeOfOldestMessage",
        dimensions: { QueueName: args.queue.name },
        statistic: "Maximum",
        threshold: QUEUE_AGE_S,
      }),
    ];
  }

  /** By default: when there was one in five minutes. No data is no trouble. */
  private alarm(
    base: string,
    description: string,
    args: Partial<aws.cloudwatch.MetricAlarmArgs>,
  ): aws.cloudwatch.MetricAlarm {
    return new aws.cloudwatch.MetricAlarm(
      base,
      {
        name: this.physicalName(`tillite-${base}`),
        alarmDescription: description,
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        period: PERIOD_S,
        statistic: "Sum",
        threshold: 0,
        treatMissingData: "notBreaching",
        alarmActions: [this.alarmTopic.arn],
        okActions: [this.alarmTopic.arn],
        tags: this.tags(),
        ...args,
      },
      this.child(),
    );
  }
}
