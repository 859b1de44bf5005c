// What each step may do: workflows/permissions.json, as statements of a policy.
import type * as pulumi from "@pulumi/pulumi";

import type { Statement } from "../components/base.ts";
import { readJson } from "./repository.ts";

export type ResourceKind = "table" | "table_indexes" | "vectors" | "batch_files" | "queue";
type Service = "dynamodb" | "s3" | "sqs";
type Calls = Readonly<Partial<Record<ResourceKind, readonly string[]>>>;

export interface StepPermissions {
  /** It asks the embedding provider, and needs the key of its API. */
  readonly calls_provider: boolean;
  readonly calls: Calls;
}

export interface Permissions {
  readonly resources: Readonly<Record<ResourceKind, Service>>;
  /** What a call of a service needs: the actions of its policy. */
  readonly operations: Readonly<Record<Service, Readonly<Record<string, readonly string[]>>>>;
  readonly steps: Readonly<Record<string, StepPermissions>>;
  /** What Lambda itself does in a step's name, to hand it the queue's messages. */
  readonly event_source: Readonly<Record<string, Calls>>;
}

/** The ARNs that the kinds of resources stand for. A bucket's objects are below its ARN. */
export type Arns = Readonly<Record<ResourceKind, pulumi.Input<string>>>;

export function readPermissions(): Permissions {
  return readJson("workflows/permissions.json", "tillite-permissions/1") as Permissions;
}

export function permissionsOf(step: string, permissions: Permissions): StepPermissions {
  const found = permissions.steps[step];
  if (found === undefined) throw new Error(`workflows/permissions.json does not say what the step ${step} calls`);
  return found;
}

/** What a step may do, and nothing else. `objects` gives the ARN of a bucket's objects. */
export function statementsOf(
  step: string,
  permissions: Permissions,
  arns: Arns,
  objects: (bucketArn: pulumi.Input<string>) => pulumi.Input<string>,
): Statement[] {
  const statements: Statement[] = [];
  const kinds = Object.keys(permissions.resources) as ResourceKind[];
  for (const kind of kinds) {
    const actions = actionsOn(kind, step, permissions);
    const ofBucket = actions.filter((action) => action === "s3:ListBucket");
    const others = actions.filter((action) => action !== "s3:ListBucket");
    const isBucket = permissions.resources[kind] === "s3";
    if (others.length > 0) {
      statements.push({ Effect: "Allow", Action: others, Resource: isBucket ? objects(arns[kind]) : arns[kind] });
    }
    if (ofBucket.length > 0) statements.push({ Effect: "Allow", Action: ofBucket, Resource: arns[kind] });
  }
  return statements;
}

function actionsOn(kind: ResourceKind, step: string, permissions: Permissions): string[] {
  const service = permissions.resources[kind];
  const operations = [
    ...(permissionsOf(step, permissions).calls[kind] ?? []),
    ...(permissions.event_source[step]?.[kind] ?? []),
  ];
  const actions = operations.flatMap((operation) => {
    const needed = permissions.operations[service][operation];
    if (needed === undefined) {
      throw new Error(`workflows/permissions.json does not say what the call ${operation} of ${service} needs`);
    }
    return needed.map((action) => `${service}:${action}`);
  });
  return [...new Set(actions)].sort();
}
