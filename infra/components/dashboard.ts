// The dashboard: one row for the functions, one for the state machines, one for the queues, one for the pipeline's own
// figures.
import * as pulumi from "@pulumi/pulumi";

export interface DashboardParts {
  readonly region: pulumi.Input<string>;
  readonly functions: readonly string[];
  readonly machineArns: readonly pulumi.Input<string>[];
  readonly queueNames: readonly pulumi.Input<string>[];
}

type Metric = pulumi.Input<string>[];

const HEIGHT = 6;
const COLUMNS = 24;
const PERIOD_S = 300;

/** Where the steps' own metrics are, by step, and those of them that count what went through. */
const NAMESPACE = "EmbeddingWorkflow";
const REPORTED = ["Batches", "Items", "Vectors", "Deltas"];

export function dashboardBody(parts: DashboardParts): pulumi.Output<string> {
  const ofFunctions = (metric: string): Metric[] =>
    parts.functions.map((name) => ["AWS/Lambda", metric, "FunctionName", name]);
  const ofMachines = (metric: string): Metric[] =>
    parts.machineArns.map((arn) => ["AWS/States", metric, "StateMachineArn", arn]);
  const ofQueues = (metric: string): Metric[] => parts.queueNames.map((name) => ["AWS/SQS", metric, "QueueName", name]);
  const rows = [
    [
      graph("Calls", "Sum", ofFunctions("Invocations"), parts),
      graph("Errors", "Sum", ofFunctions("Errors"), parts),
      graph("Longest call (ms)", "Maximum", ofFunctions("Duration"), parts),
    ],
    [
      graph("Executions that succeeded", "Sum", ofMachines("ExecutionsSucceeded"), parts),
      graph("Executions that failed", "Sum", ofMachines("ExecutionsFailed"), parts),
      graph("Longest execution (ms)", "Maximum", ofMachines("ExecutionTime"), parts),
    ],
    [
      graph("Messages that wait", "Maximum", ofQueues("ApproximateNumberOfMessagesVisible"), parts),
      graph("Age of the oldest message (s)", "Maximum", ofQueues("ApproximateAgeOfOldestMessage"), parts),
      search("What the steps report", parts),
    ],
  ];
  const width = COLUMNS / 3;
  const widgets = rows.flatMap((row, y) =>
    row.map((properties, x) => ({ type: "metric", x: x * width, y: y * HEIGHT, width, height: HEIGHT, properties })),
  );
  return pulumi.jsonStringify({ widgets });
}

function graph(title: string, stat: string, metrics: Metric[], parts: DashboardParts) {
  return { title, view: "timeSeries", region: parts.region, period: PERIOD_S, stat, metrics };
}

function search(title: string, parts: DashboardParts) {
  const metrics = REPORTED.map((metric) => `"${metric}"`).join(" OR ");
  const expression = `SEARCH('{${NAMESPACE},Step} MetricName=(${metrics})', 'Sum', ${PERIOD_S.toString()})`;
  return { title, view: "timeSeries", region: parts.region, period: PERIOD_S, metrics: [[{ expression }]] };
}
