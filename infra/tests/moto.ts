// moto behind a pipe: makes what the program registers, and answers calls of boto3.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

import type { Answer, Made, Peer } from "./deployment.ts";

interface Reply extends Answer {
  readonly error?: string;
  readonly result?: unknown;
}

export class Moto implements Peer {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private readonly waiting: ((reply: Reply) => void)[] = [];

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.process = process;
    this.lines = createInterface(process.stdout);
    this.lines.on("line", (line) => this.waiting.shift()?.(JSON.parse(line) as Reply));
    process.on("error", () => undefined);
    process.stdin.on("error", () => undefined);
    process.on("close", () => {
      for (const answer of this.waiting.splice(0)) answer({ id: "", state: {}, error: "moto has ended" });
    });
  }

  /** Nothing where Python has no moto. */
  static async start(): Promise<Moto | undefined> {
    const script = new URL("moto_peer.py", import.meta.url).pathname;
    const process = spawn("python3", [script], { stdio: ["pipe", "pipe", "pipe"] });
    const moto = new Moto(process);
    const first = await moto.ask({ client: "sts", call: "get_caller_identity", arguments: {} });
    return first.error === undefined ? moto : undefined;
  }

  async make(resource: Made): Promise<Answer> {
    const reply = await this.ask(resource);
    if (reply.error !== undefined) throw new Error(`${resource.type} ${resource.name}: ${reply.error}`);
    return reply;
  }

  /** A call of boto3: call("sqs", "get_queue_attributes", {...}). */
  async call(client: string, call: string, given: Record<string, unknown>): Promise<unknown> {
    const reply = await this.ask({ client, call, arguments: given });
    if (reply.error !== undefined) throw new Error(`${client} ${call}: ${reply.error}`);
    return reply.result;
  }

  stop(): void {
    this.process.stdin.end();
    this.lines.close();
  }

  private ask(request: object): Promise<Reply> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.process.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }
}
