// A role that a service of AWS takes, with what it may do. IAM's names are of the whole account, so AWS's own part
// makes each unique.
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

import { type Naming, policyDocument, type Statement, TilliteComponent } from "./base.ts";

export interface ServiceRoleArgs {
  readonly naming: Naming;
  /** "lambda.amazonaws.com" */
  readonly service: string;
  /**
   * The service may take the role only on behalf of this account; absent where the service does not say for whom it
   * acts.
   */
  readonly onlyFor?: pulumi.Input<string>;
  readonly statements: readonly Statement[];
}

export class ServiceRole extends TilliteComponent {
  readonly arn: pulumi.Output<string>;
  /** Whoever uses the role needs it to be there. */
  readonly policy: aws.iam.RolePolicy;

  constructor(name: string, args: ServiceRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("ServiceRole", name, args.naming, opts);
    const trust: Statement = {
      Effect: "Allow",
      Principal: { Service: args.service },
      Action: "sts:AssumeRole",
      ...(args.onlyFor === undefined ? {} : { Condition: { StringEquals: { "aws:SourceAccount": args.onlyFor } } }),
    };
    const role = new aws.iam.Role(name, { assumeRolePolicy: policyDocument([trust]), tags: this.tags() }, this.child());
    this.arn = role.arn;
    this.policy = new aws.iam.RolePolicy(
      name,
      { role: role.id, policy: policyDocument(args.statements) },
      this.child(),
    );
    this.registerOutputs({ arn: this.arn });
  }
}
