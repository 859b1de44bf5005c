import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readSteps } from "../inputs/steps.ts";
import { deployed, WHOLE } from "./deployment.ts";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const stack = await deployed({ ...WHOLE, "tillite:alarmEmail": "you@example.com" });

function alarmsOn(dimension: string, value: string): string[] {
  return stack
    .all(ALARM)
    .filter((made) => (made.inputs.dimensions as Record<string, string>)[dimension] === value)
    .map((made) => String(made.inputs.metricName))
    .sort();
}

describe("alarms", () => {
  it("watch every function", () => {
    for (const step of readSteps()) {
      assert.deepEqual(alarmsOn("FunctionName", step.function_name), ["Duration", "Errors", "Throttles"]);
    }
    const slow = stack.one(ALARM, "embedding-list-pending-duration").inputs;
    assert.equal(slow.threshold, 54_000);
    assert.equal(slow.statistic, "Maximum");
  });

  it("watch every state machine", () => {
    for (const { inputs } of stack.all("aws:sfn/stateMachine:StateMachine")) {
      const arn = `arn:aws:states:us-east-1:123456789012:stateMachine:${String(inputs.name)}`;
      assert.deepEqual(alarmsOn("StateMachineArn", arn), [
        "ExecutionsAborted",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
      ]);
    }
  });

  it("watch the dead letters, and that somebody takes what is in the queue", () => {
    assert.deepEqual(alarmsOn("QueueName", "chromadb-delta-dlq"), ["ApproximateNumberOfMessagesVisible"]);
    assert.equal(stack.one(ALARM, "dead-letters").inputs.threshold, 0);
    assert.deepEqual(alarmsOn("QueueName", "chromadb-delta-queue"), ["ApproximateAgeOfOldestMessage"]);
  });

  it("tell a topic, and by it the address that the stack names", () => {
    for (const { inputs } of stack.all(ALARM)) {
      assert.deepEqual(inputs.alarmActions, ["arn:aws:sns:us-east-1:123456789012:tillite-alarms"]);
      assert.equal(inputs.treatMissingData, "notBreaching");
    }
    const [subscription] = stack.all("aws:sns/topicSubscription:TopicSubscription");
    assert.equal(subscription?.inputs.endpoint, "you@example.com");
  });
});

describe("log groups", () => {
  it("are there for every function, and forget after a time", async () => {
    for (const step of readSteps()) {
      const group = stack.one("aws:cloudwatch/logGroup:LogGroup", step.function_name).inputs;
      assert.equal(group.name, `/aws/lambda/${step.function_name}`);
      assert.equal(group.retentionInDays, 30);
      assert.deepEqual(stack.one("aws:lambda/function:Function", step.function_name).inputs.loggingConfig, {
        logFormat: "Text",
        logGroup: group.name,
      });
    }
    const other = await deployed({ ...WHOLE, "tillite:logRetentionDays": "90" });
    for (const { inputs } of other.all("aws:cloudwatch/logGroup:LogGroup")) assert.equal(inputs.retentionInDays, 90);
  });
});

describe("the dashboard", () => {
  it("shows every function, state machine and queue, and what the steps report", () => {
    const [dashboard] = stack.all("aws:cloudwatch/dashboard:Dashboard");
    const body = String(dashboard?.inputs.dashboardBody);
    const { widgets } = JSON.parse(body) as { widgets: { x: number; y: number; width: number }[] };
    assert.equal(widgets.length, 9);
    for (const { x, width } of widgets) assert.ok(x + width <= 24);
    for (const step of readSteps()) assert.ok(body.includes(step.function_name));
    for (const { inputs } of stack.all("aws:sfn/stateMachine:StateMachine"))
      assert.ok(body.includes(String(inputs.name)));
    for (const name of ["chromadb-delta-queue", "chromadb-delta-dlq", "EmbeddingWorkflow"])
      assert.ok(body.includes(name));
  });
});
