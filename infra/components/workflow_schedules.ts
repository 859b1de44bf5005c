// Starts workflows by the clock. Off unless the stack's settings say when.
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

import { type Naming, TilliteComponent } from "./base.ts";
import { ServiceRole } from "./service_role.ts";

export interface ScheduledMachine {
  /** Without suffix. */
  readonly name: string;
  readonly arn: pulumi.Input<string>;
  /** As EventBridge Scheduler has it: "rate(1 hour)", "cron(0 3 * * ? *)". */
  readonly when: string;
}

export interface WorkflowSchedulesArgs {
  readonly naming: Naming;
  readonly accountId: pulumi.Input<string>;
  readonly machines: readonly ScheduledMachine[];
}

export class WorkflowSchedules extends TilliteComponent {
  constructor(name: string, args: WorkflowSchedulesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("WorkflowSchedules", name, args.naming, opts);
    if (args.machines.length > 0) {
      const role = new ServiceRole(
        name,
        {
          naming: args.naming,
          service: "scheduler.amazonaws.com",
          onlyFor: args.accountId,
          statements: [
            { Effect: "Allow", Action: "states:StartExecution", Resource: args.machines.map((machine) => machine.arn) },
          ],
        },
        { parent: this },
      );
      for (const machine of args.machines) {
        new aws.scheduler.Schedule(
          machine.name,
          {
            name: this.physicalName(machine.name),
            scheduleExpression: machine.when,
            flexibleTimeWindow: { mode: "OFF" },
            target: { arn: machine.arn, roleArn: role.arn, input: "{}" },
          },
          this.child({ dependsOn: [role.policy] }),
        );
      }
    }
    this.registerOutputs({});
  }
}
