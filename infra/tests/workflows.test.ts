import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { repositoryFile } from "../inputs/repository.ts";
import { readSteps } from "../inputs/steps.ts";
import { deployed, WHOLE } from "./deployment.ts";

const MACHINE = "aws:sfn/stateMachine:StateMachine";
const stack = await deployed(WHOLE);

function fileOf(machine: string): string {
  return readFileSync(repositoryFile(`workflows/${machine}.asl.json`), "utf8");
}

describe("the state machines", () => {
  it("are those of workflows/, byte for byte", () => {
    const machines = readdirSync(repositoryFile("workflows"))
      .filter((file) => file.endsWith(".asl.json"))
      .map((file) => file.replace(".asl.json", ""));
    assert.deepEqual(
      stack
        .all(MACHINE)
        .map((made) => made.inputs.name)
        .sort(),
      machines.sort(),
    );
    for (const machine of machines) assert.equal(stack.one(MACHINE, machine).inputs.definition, fileOf(machine));
  });

  it("call with a suffix the functions of their own stack, and differ in nothing else", async () => {
    const other = await deployed({ ...WHOLE, "tillite:suffix": "test" });
    for (const made of other.all(MACHINE)) {
      assert.equal(made.inputs.name, `${made.name}-test`);
      const definition = String(made.inputs.definition);
      const names = [...definition.matchAll(/"FunctionName": "([^"]+)"/g)].map((match) => match[1]);
      assert.ok(names.length > 1);
      for (const name of names) assert.ok(name?.endsWith("-test"), name);
      assert.equal(definition.replaceAll(/("FunctionName": "[^"]+)-test"/g, '$1"'), fileOf(made.name));
    }
  });

  it("call functions that workflows/steps.json has", () => {
    const known = new Set(readSteps().map((step) => step.function_name));
    for (const made of stack.all(MACHINE)) {
      for (const [, name] of String(made.inputs.definition).matchAll(/"FunctionName": "([^"]+)"/g)) {
        assert.ok(name !== undefined && known.has(name), `${made.name} calls ${name ?? ""}`);
      }
    }
  });

  it("are standard ones, traced, and log their errors without the data", () => {
    for (const { inputs, name } of stack.all(MACHINE)) {
      assert.equal(inputs.type, "STANDARD");
      assert.deepEqual(inputs.tracingConfiguration, { enabled: true });
      assert.deepEqual(inputs.loggingConfiguration, {
        level: "ERROR",
        includeExecutionData: false,
        logDestination: `arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/${name}:*`,
      });
    }
  });

  it("share one role for lines and one for words", () => {
    const role = (machine: string) => stack.one(MACHINE, machine).inputs.roleArn;
    assert.equal(role("create-batches-sf"), role("poll-store-sf"));
    assert.equal(role("create-word-batches-sf"), role("poll-word-embeddings-sf"));
    assert.notEqual(role("poll-store-sf"), role("poll-word-embeddings-sf"));
  });
});
