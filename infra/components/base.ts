// What the components share: physical names, policy documents, and what every resource of a stack is tagged with.
import * as pulumi from "@pulumi/pulumi";

/**
 * How the resources of a stack are called. Without a suffix they have the names that the state machines and the `aws`
 * commands use.
 */
export interface Naming {
  /**
   * Behind every physical name, so that several stacks fit into one account; "" for none. Starts with "-" otherwise.
   */
  readonly suffix: string;
}

export function physicalName(base: string, naming: Naming): string {
  return base + naming.suffix;
}

/** A component of Tillite: `tillite:aws:{kind}`, its parts below it. */
export abstract class TilliteComponent extends pulumi.ComponentResource {
  protected readonly naming: Naming;

  protected constructor(kind: string, name: string, naming: Naming, opts?: pulumi.ComponentResourceOptions) {
    super(`tillite:aws:${kind}`, name, {}, opts);
    this.naming = naming;
  }

  protected physicalName(base: string): string {
    return physicalName(base, this.naming);
  }

  protected tags(): Record<string, string> {
    return { application: "tillite", stack: pulumi.getStack() };
  }

  /** Options of a part of this component. `merged` stands above them. */
  protected child(merged: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions {
    return { parent: this, ...merged };
  }
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: unknown;
  readonly Action: pulumi.Input<string> | pulumi.Input<string>[];
  readonly Resource?: pulumi.Input<string> | pulumi.Input<string>[];
  readonly Condition?: Record<string, Record<string, pulumi.Input<string>>>;
}

/** A policy as the JSON text that IAM takes. */
export function policyDocument(statements: readonly Statement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });
}

/** Refuses whoever does not come by TLS, whatever else they may do. */
export function tlsOnly(service: "s3" | "sqs", resources: pulumi.Input<string>[]): Statement {
  return {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: `${service}:*`,
    Resource: resources,
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}

/** A bucket's name that no other account or region has. */
export function accountBucketName(
  base: string,
  place: { accountId: pulumi.Input<string>; region: pulumi.Input<string> },
): pulumi.Output<string> {
  return pulumi.interpolate`${base}-${place.accountId}-${place.region}`;
}
