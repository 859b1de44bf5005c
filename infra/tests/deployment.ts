// Runs the program as `pulumi up` would, with an engine that only records. Where a peer is given, each resource is made
// there too, and what it answers is what the program gets to see.
import * as pulumi from "@pulumi/pulumi";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const DIGEST = `sha256:${"5".repeat(64)}`;
export const API_KEY = "sk-of-the-tests";

export type Inputs = Record<string, unknown>;

export interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
}

/** What a resource is called and has after it was made. */
export interface Answer {
  readonly id: string;
  readonly state: Inputs;
}

export interface Peer {
  make(resource: Made): Promise<Answer>;
}

export class Deployment {
  readonly outputs: Record<string, unknown>;
  readonly resources: readonly Made[];

  constructor(outputs: Record<string, unknown>, resources: readonly Made[]) {
    this.outputs = outputs;
    this.resources = resources;
  }

  /** All of a type: "aws:sqs/queue:Queue". */
  all(type: string): readonly Made[] {
    return this.resources.filter((made) => made.type === type);
  }

  /** The only one of a type that is so called. */
  one(type: string, name: string): Made {
    const found = this.all(type).filter((made) => made.name === name);
    if (found.length !== 1 || found[0] === undefined) {
      throw new Error(`there are ${found.length.toString()} resources ${type} called ${name}`);
    }
    return found[0];
  }
}

/** Settings with which everything is deployed. */
export const WHOLE: Record<string, string> = {
  "tillite:imageDigest": DIGEST,
  "tillite:openaiApiKey": API_KEY,
  // Any file: nothing here looks into it.
  "tillite:bootstrapZip": import.meta.filename,
};

export async function deployed(config: Record<string, string>, peer: Peer = recorder): Promise<Deployment> {
  const resources: Made[] = [];
  pulumi.runtime.setAllConfig(config, ["tillite:openaiApiKey"]);
  await pulumi.runtime.setMocks(
    {
      newResource: async (args) => {
        const made = { type: args.type, name: args.name, inputs: args.inputs as Inputs };
        if (!args.type.startsWith("aws:")) return { id: args.name, state: made.inputs };
        resources.push(made);
        const answer = await peer.make(made);
        return { id: answer.id, state: { ...made.inputs, ...answer.state } };
      },
      call: (args) => called(args.token, args.inputs as Inputs),
    },
    "tillite",
    "tests",
  );
  const { default: deploy } = await import("../index.ts");
  const outputs = await resolved(deploy());
  await registered();
  return new Deployment(outputs, resources);
}

/** Everything is registered. Pulumi's declarations leave the function out; its own tests wait with it. */
async function registered(): Promise<void> {
  await (pulumi.runtime as unknown as { waitForRPCs: () => Promise<void> }).waitForRPCs();
}

function resolved(value: Record<string, unknown>): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    pulumi.output(value).apply(resolve);
  });
}

function called(token: string, inputs: Inputs): Inputs {
  switch (token) {
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId: ACCOUNT };
    case "aws:index/getRegion:getRegion":
      return { region: REGION };
    case "aws:dynamodb/getTable:getTable":
      return { ...inputs, arn: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${String(inputs.name)}` };
    case "aws:s3/getBucket:getBucket":
      return { ...inputs, arn: `arn:aws:s3:::${String(inputs.bucket)}` };
    default:
      throw new Error(`the tests do not know the function ${token}`);
  }
}

/** Gives what is made the ARNs and URLs that AWS would. */
const recorder: Peer = {
  make: ({ type, name, inputs }) => {
    const physical = [inputs.name, inputs.bucket].find((given) => typeof given === "string") ?? name;
    const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
    const states: Record<string, Inputs> = {
      "aws:s3/bucket:Bucket": { arn: `arn:aws:s3:::${physical}` },
      "aws:sqs/queue:Queue": {
        arn: arn("sqs", physical),
        url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${physical}`,
      },
      "aws:dynamodb/table:Table": { arn: arn("dynamodb", `table/${physical}`) },
      "aws:ecr/repository:Repository": { repositoryUrl: `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/${physical}` },
      "aws:iam/role:Role": { arn: `arn:aws:iam::${ACCOUNT}:role/${name}` },
      "aws:kms/key:Key": { arn: arn("kms", "key/1") },
      "aws:lambda/function:Function": { arn: arn("lambda", `function:${physical}`) },
      "aws:sfn/stateMachine:StateMachine": { arn: arn("states", `stateMachine:${physical}`) },
      "aws:cloudwatch/logGroup:LogGroup": { arn: arn("logs", `log-group:${physical}`) },
      "aws:sns/topic:Topic": { arn: arn("sns", physical) },
      "aws:cloudwatch/metricAlarm:MetricAlarm": { arn: arn("cloudwatch", `alarm:${physical}`) },
    };
    return Promise.resolve({ id: physical, state: states[type] ?? {} });
  },
};
