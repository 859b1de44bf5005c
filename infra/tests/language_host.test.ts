import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { describe, it } from "node:test";

import { ACCOUNT, REGION, WHOLE } from "./deployment.ts";

// Pulumi's engine is a program of its own. This one takes its place for the part of Pulumi that runs a program in Node,
// which is the very one that `pulumi up` starts: so Pulumi.yaml, package.json and index.ts are read as they will be.
const require = createRequire(import.meta.url);
const pulumi = createRequire(require.resolve("@pulumi/pulumi"));

type Fields = Record<string, unknown>;
type Reply = (error: Error | null, message?: unknown) => void;
interface Message {
  toObject: () => Fields;
}
interface Wire extends Message {
  getObject: () => { toJavaScript: () => Fields };
  getArgs: () => { toJavaScript: () => Fields };
  getType: () => string;
  getName: () => string;
  getTok: () => string;
  getMessage: () => string;
}
type Handler = (call: { request: Wire }, reply: Reply) => void;
interface Grpc {
  Server: new () => {
    addService: (service: Fields, handlers: Record<string, Handler>) => void;
    bindAsync: (address: string, credentials: unknown, bound: (error: Error | null, port: number) => void) => void;
    forceShutdown: () => void;
  };
  ServerCredentials: { createInsecure: () => unknown };
}
type Setters = Record<string, (value: unknown) => void>;
type Messages = Record<string, (new () => Setters) & { fromJavaScript: (value: Fields) => unknown }>;

const grpc = pulumi("@grpc/grpc-js") as Grpc;
const messages = (name: string) => pulumi(`@pulumi/pulumi/proto/${name}_pb`) as Messages;
const services = (name: string) => pulumi(`@pulumi/pulumi/proto/${name}_grpc_pb`) as Record<string, Fields>;
const Struct = (pulumi("google-protobuf/google/protobuf/struct_pb") as Messages).Struct;
const Empty = (pulumi("google-protobuf/google/protobuf/empty_pb") as Messages).Empty;

function message(of: Messages, name: string, fields: Fields): unknown {
  const Type = of[name];
  assert.ok(Type !== undefined, name);
  const made = new Type();
  for (const [field, value] of Object.entries(fields)) made[`set${field}`]?.(value);
  return made;
}

function struct(value: Fields): unknown {
  assert.ok(Struct !== undefined);
  return Struct.fromJavaScript(value);
}

class Engine {
  readonly registered: string[] = [];
  readonly logged: string[] = [];
  outputs: Fields = {};
  private readonly server = new grpc.Server();

  async listen(): Promise<string> {
    const resource = messages("resource");
    const provider = messages("provider");
    const empty: Handler = (_, reply) => {
      reply(null, Empty === undefined ? undefined : new Empty());
    };
    this.server.addService(services("resource").ResourceMonitorService ?? {}, {
      supportsFeature: (_, reply) => {
        reply(null, message(resource, "SupportsFeatureResponse", { Hassupport: false }));
      },
      registerResource: ({ request }, reply) => {
        const type = request.getType();
        const urn = `urn:pulumi:tests::tillite::${type}::${request.getName()}`;
        this.registered.push(type);
        const object = struct({ ...request.getObject().toJavaScript(), arn: `arn:aws:of:${request.getName()}` });
        reply(null, message(resource, "RegisterResourceResponse", { Urn: urn, Id: request.getName(), Object: object }));
      },
      registerResourceOutputs: ({ request }, reply) => {
        const { urn } = request.toObject();
        if (String(urn).includes("pulumi:pulumi:Stack")) {
          this.outputs = (request as unknown as { getOutputs: () => { toJavaScript: () => Fields } })
            .getOutputs()
            .toJavaScript();
        }
        empty({ request }, reply);
      },
      invoke: ({ request }, reply) => {
        const answer = request.getTok().includes("getRegion") ? { region: REGION } : { accountId: ACCOUNT };
        reply(null, message(provider, "InvokeResponse", { Return: struct(answer) }));
      },
      signalAndWaitForShutdown: empty,
    });
    this.server.addService(services("engine").EngineService ?? {}, {
      log: ({ request }, reply) => {
        this.logged.push(request.getMessage());
        empty({ request }, reply);
      },
      getRootResource: (_, reply) => {
        reply(null, message(messages("engine"), "GetRootResourceResponse", { Urn: "" }));
      },
      setRootResource: (_, reply) => {
        reply(null, message(messages("engine"), "SetRootResourceResponse", {}));
      },
    });
    return new Promise((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(`127.0.0.1:${port.toString()}`);
      });
    });
  }

  stop(): void {
    this.server.forceShutdown();
  }
}

/**
 * Runs the program of this folder as the engine at `address` asks for it: the status it ends with, and what it printed.
 */
function run(address: string, config: Record<string, string>): Promise<{ status: number | null; printed: string }> {
  const folder = new URL("..", import.meta.url).pathname;
  const host = pulumi.resolve("@pulumi/pulumi/cmd/run");
  const asked = [
    "--monitor",
    address,
    "--engine",
    address,
    "--project",
    "tillite",
    "--stack",
    "tests",
    "--pwd",
    folder,
  ];
  const child = spawn(process.execPath, [host, ...asked, "--parallel", "16", "."], {
    cwd: folder,
    env: { ...process.env, PULUMI_CONFIG: JSON.stringify(config), PULUMI_NODEJS_TYPESCRIPT: "false" },
  });
  let printed = "";
  child.stdout.on("data", (data: Buffer) => (printed += data.toString()));
  child.stderr.on("data", (data: Buffer) => (printed += data.toString()));
  return new Promise((resolve) => {
    child.on("close", (status) => {
      resolve({ status, printed });
    });
  });
}

async function ran(config: Record<string, string>) {
  const engine = new Engine();
  try {
    return { ...(await run(await engine.listen(), config)), engine };
  } finally {
    engine.stop();
  }
}

describe("under Pulumi's own host of Node programs", () => {
  it("the program runs and registers everything", async () => {
    const { status, printed, engine } = await ran(WHOLE);
    assert.equal(status, 0, printed + engine.logged.join("\n"));
    assert.equal(engine.registered.filter((type) => type === "aws:lambda/function:Function").length, 10);
    assert.equal(engine.registered.filter((type) => type === "aws:sfn/stateMachine:StateMachine").length, 4);
    assert.ok("stateMachineArns" in engine.outputs);
  });

  it("a setting that cannot be used is an error, and nothing is registered", async () => {
    const { status, engine } = await ran({ "tillite:logLevel": "TRACE" });
    assert.notEqual(status, 0);
    assert.match(engine.logged.join("\n"), /the setting tillite:logLevel is "TRACE": it takes one of DEBUG/);
    assert.doesNotMatch(engine.logged.join("\n"), /\n +at /);
    assert.deepEqual(
      engine.registered.filter((type) => type.startsWith("aws:")),
      [],
    );
  });
});
