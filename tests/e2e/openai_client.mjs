// tillite openai-emulator, driven by OpenAI's official client: `node openai_client.mjs PROGRAM`.
// Every answer is also written down as TypeScript and compiled against the client's own types: a field that is missing, of another
// type, or not in them is an error. The same calls go to another emulator, aimock, as far as that has them: what ours answers is no
// invention of ours.
// TILLITE_TOOLS names the folder in which `scripts/setup test` has installed the client. Ends with status 77, which ctest shows as
// skipped, where it is missing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";

const program = process.argv[2];
const installed = resolve(process.env.TILLITE_TOOLS ?? "build/tools", "openai");
if (!existsSync(join(installed, "node_modules/openai"))) {
  console.log(`SKIPPED: there is no OpenAI client in ${installed}: run scripts/setup test`);
  process.exit(77);
}
const load = createRequire(join(installed, "package.json"));
const { default: OpenAI, toFile } = load("openai");
const ts = load("typescript");
const scratch = mkdtempSync(join(tmpdir(), "tillite-openai-"));
const patienceMs = 60_000;
const pause = (ms) => new Promise((again) => setTimeout(again, ms));

/// tillite openai-emulator on a free port, and a client for it.
class Emulator {
  static async start(folder, ...options) {
    const words = ["--json", "--log-level", "WARNING", "openai-emulator", "--port", "0", "--folder", folder, ...options];
    const emulator = new Emulator();
    emulator.process = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: emulator.process.stdout }), "line");
    const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = JSON.parse(line).environment;
    emulator.control = baseURL.replace("/v1", "/emulator");
    emulator.client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    return emulator;
  }
  async stop(signal = "SIGTERM") {
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    const [status] = await ended;
    return status;
  }
  async stats() {
    return (await fetch(`${this.control}/stats`)).json();
  }
  async script(what, body) {
    const answer = await fetch(`${this.control}/${what}`, { method: "POST", body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.text());
  }
}

/// What was answered, to be compiled against the client's types.
const typed = [];
const check = (type, value) => {
  typed.push({ type, value: JSON.parse(JSON.stringify(value)) });
  return value;
};

/// The client's types allow no null where a field may be absent, though OpenAI sends null: so null counts as any type's value.
function compileAnswers() {
  const source = [
    'import type { Batch } from "openai/resources/batches";',
    'import type { FileDeleted, FileObject } from "openai/resources/files";',
    'import type { CreateEmbeddingResponse, Embedding } from "openai/resources/embeddings";',
    "type InBase64 = Omit<CreateEmbeddingResponse, 'data'> & { data: (Omit<Embedding, 'embedding'> & { embedding: string })[] };",
    "type List<T> = { object: 'list'; data: T[]; first_id: string; last_id: string; has_more: boolean };",
    "type ErrorBody = { message: string; type: string; param: string; code: string };",
    "type ResultLine = { id: string; custom_id: string; error: { code: string; message: string };",
    "  response: { status_code: number; request_id: string; body: CreateEmbeddingResponse | InBase64 | { error: ErrorBody } } };",
    ...typed.map(({ type, value }, i) => `export const answer${i}: ${type} = ${JSON.stringify(value)};`),
  ].join("\n");
  const file = join(installed, `answers-${process.pid}.ts`);
  writeFileSync(file, source);
  try {
    const compiled = ts.createProgram([file], {
      strict: true, strictNullChecks: false, noEmit: true, skipLibCheck: true, types: [],
      target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16,
    });
    const problems = ts.getPreEmitDiagnostics(compiled).filter((problem) => problem.file?.fileName === file || !problem.file);
    const texts = problems.map((problem) => {
      const where = problem.file?.getLineAndCharacterOfPosition(problem.start).line;
      return `${ts.flattenDiagnosticMessageText(problem.messageText, "\n")}\n  in ${source.split("\n")[where]?.slice(0, 400)}`;
    });
    assert.equal(texts.length, 0, `answers are not of the client's types:\n${texts.join("\n")}`);
  } finally {
    rmSync(file, { force: true });
  }
}

const model = "text-embedding-3-small";
const request = (id, input, more = {}) =>
  JSON.stringify({ custom_id: id, method: "POST", url: "/v1/embeddings", body: { model, input, ...more } });
const upload = async (client, lines, name = "requests.jsonl") =>
  client.files.create({ purpose: "batch", file: await toFile(Buffer.from(lines.join("\n") + "\n"), name) });
const createBatch = (client, file, more = {}) =>
  client.batches.create({ input_file_id: file.id, endpoint: "/v1/embeddings", completion_window: "24h", ...more });
const ended = (batch) => ["completed", "failed", "expired", "cancelled"].includes(batch.status);
const settled = async (client, id, is = ended) => {
  for (const deadline = Date.now() + patienceMs; ; await pause(20)) {
    const batch = check("Batch", await client.batches.retrieve(id));
    if (is(batch)) return batch;
    assert.ok(Date.now() < deadline, `the batch stays ${batch.status}`);
  }
};
const linesOf = async (client, id) => {
  const text = await (await client.files.content(id)).text();
  assert.ok(text.endsWith("\n"));
  return text.trimEnd().split("\n").map((line) => check("ResultLine", JSON.parse(line)));
};
const refused = async (call, kind, fields) => {
  const error = await call.then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(error.constructor.name, kind.name, `${error.constructor.name}: ${error.message}`);
  check("ErrorBody", error.error);
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name], value, `${name} of ${error.message}`);
  return error;
};

/// What every emulator of OpenAI has to answer. `aimock` says why that one cannot.
const shared = [
  {
    name: "a file is kept as it was uploaded, listed, and gone once it is deleted",
    async run(client) {
      const lines = [request("a", "grüne Äpfel"), request("b", "oat milk")];
      const file = check("FileObject", await upload(client, lines));
      const content = lines.join("\n") + "\n";
      assert.equal(file.bytes, Buffer.byteLength(content));
      assert.deepEqual([file.object, file.purpose, file.filename], ["file", "batch", "requests.jsonl"]);
      assert.equal((await client.files.retrieve(file.id)).id, file.id);
      assert.equal(await (await client.files.content(file.id)).text(), content);
      const listed = [];
      for await (const each of client.files.list({ purpose: "batch" })) listed.push(check("FileObject", each).id);
      assert.ok(listed.includes(file.id));
      assert.deepEqual(check("FileDeleted", await client.files.delete(file.id)), { id: file.id, object: "file", deleted: true });
      await refused(client.files.retrieve(file.id), OpenAI.NotFoundError, { type: "invalid_request_error" });
    },
  },
  {
    name: "a batch completes, with one line for each request",
    async run(client) {
      const ids = Array.from({ length: 40 }, (_, i) => `request-${i}`);
      const file = await upload(client, ids.map((id) => request(id, `text of ${id}`)));
      const created = check("Batch", await createBatch(client, file, { metadata: { purpose: "test" } }));
      assert.equal(created.status, "validating");
      assert.deepEqual(created.metadata, { purpose: "test" });
      const batch = await settled(client, created.id);
      assert.equal(batch.status, "completed");
      assert.deepEqual(batch.request_counts, { total: 40, completed: 40, failed: 0 });
      assert.ok(!batch.error_file_id);
      const lines = await linesOf(client, batch.output_file_id);
      assert.deepEqual(lines.map((line) => line.custom_id).sort(), [...ids].sort());
      assert.ok(lines.every((line) => line.error === null && line.response.status_code === 200));
    },
  },
  {
    name: "batches are listed newest first, a page after the other",
    async run(client) {
      const file = await upload(client, [request("a", "a")]);
      const created = [];
      for (let i = 0; i < 3; ++i) created.unshift((await createBatch(client, file)).id);
      const first = await client.batches.list({ limit: 2 });
      assert.equal(first.data.length, 2);
      assert.equal(first.has_more, true);
      const all = [];
      for await (const batch of client.batches.list({ limit: 2 })) all.push(check("Batch", batch).id);
      assert.deepEqual(all.slice(0, 3), created);
      assert.equal(new Set(all).size, all.length);
    },
  },
  {
    name: "a batch that is not there, and a file that is not, are not found",
    async run(client) {
      await refused(client.batches.retrieve("batch_none"), OpenAI.NotFoundError, { type: "invalid_request_error" });
      await refused(client.files.content("file-none"), OpenAI.NotFoundError, { type: "invalid_request_error" });
    },
  },
  {
    name: "a batch that is cancelled ends as cancelled",
    async run(client) {
      const file = await upload(client, [request("a", "a"), request("b", "b")]);
      const created = await createBatch(client, file);
      await settled(client, created.id, (batch) => batch.status === "in_progress");
      const cancelling = check("Batch", await client.batches.cancel(created.id));
      assert.equal(cancelling.status, "cancelling");
      assert.ok(cancelling.cancelling_at);
      const batch = await settled(client, created.id);
      assert.equal(batch.status, "cancelled");
      assert.ok(batch.cancelled_at >= batch.cancelling_at);
    },
  },
  {
    name: "a batch that is completed cannot be cancelled any more",
    aimock: "it answers status 400",
    async run(client) {
      const created = await createBatch(client, await upload(client, [request("a", "a")]));
      await settled(client, created.id);
      await refused(client.batches.cancel(created.id), OpenAI.ConflictError,
        { message: "409 Cannot cancel a batch with status 'completed'." });
    },
  },
  {
    name: "embeddings come for one text and for many, as numbers and in base64",
    aimock: "it takes any model, and has no usage that could be compared",
    async run(client) {
      const one = check("CreateEmbeddingResponse", await client.embeddings.create({ model, input: "oat milk", encoding_format: "float" }));
      assert.equal(one.data[0].embedding.length, 1536);
      assert.ok(one.usage.prompt_tokens > 0);
      const many = await client.embeddings.create({ model, input: ["bread", "oat milk"] });  // base64, which the client decodes
      assert.deepEqual(many.data.map((each) => each.index), [0, 1]);
      assert.deepEqual(Array.from(many.data[1].embedding), Array.from(Float32Array.from(one.data[0].embedding)));
      const short = await client.embeddings.create({ model, input: "oat milk", dimensions: 256 });
      assert.equal(short.data[0].embedding.length, 256);
      const length = Math.hypot(...short.data[0].embedding);
      assert.ok(Math.abs(length - 1) < 1e-5, `a length of ${length}`);
      const tokens = await client.embeddings.create({ model, input: [[1, 2, 3], [4]] });
      assert.equal(tokens.usage.total_tokens, 4);
      const large = await client.embeddings.create({ model, input: Array.from({ length: 2048 }, (_, i) => `text ${i}`) });
      assert.equal(large.data.length, 2048);
    },
  },
];

/// What only ours has.
const ours = [
  {
    name: "a batch's vectors are those of the embeddings call",
    async run({ client }) {
      const file = await upload(client, [request("a", "oat milk"), request("b", ["x", "y"], { encoding_format: "base64", dimensions: 16 })]);
      const batch = await settled(client, (await createBatch(client, file)).id);
      const lines = await linesOf(client, batch.output_file_id);
      const byId = Object.fromEntries(lines.map((line) => [line.custom_id, line.response.body]));
      const single = await client.embeddings.create({ model, input: "oat milk", encoding_format: "float" });
      assert.deepEqual(byId.a.data, single.data);
      assert.deepEqual(byId.a.usage, single.usage);
      assert.deepEqual(byId.b.data.map((each) => Buffer.from(each.embedding, "base64").length), [64, 64]);
    },
  },
  {
    name: "what is wrong with a batch's request is said at once, in OpenAI's words",
    async run({ client }) {
      const file = await upload(client, [request("a", "a")]);
      const other = check("FileObject", await client.files.create({ purpose: "user_data", file: await toFile(Buffer.from("x"), "x.txt") }));
      const bad = OpenAI.BadRequestError;
      await refused(createBatch(client, file, { endpoint: "/v1/other" }), bad, { code: "invalid_value", param: "endpoint" });
      await refused(createBatch(client, file, { completion_window: "1h" }), bad, { code: "invalid_value", param: "completion_window" });
      await refused(createBatch(client, file, { input_file_id: undefined }), bad, { code: "missing_required_parameter", param: "input_file_id" });
      await refused(createBatch(client, other), bad, { param: "input_file_id" });
      const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"]));
      await refused(createBatch(client, file, { metadata: many }), bad, { code: "object_above_max_properties", param: "metadata" });
      await refused(createBatch(client, file, { metadata: { k: "v".repeat(513) } }), bad, { code: "string_above_max_length", param: "metadata.k" });
      await refused(createBatch(client, file, { metadata: { k: 1 } }), bad, { code: "invalid_type", param: "metadata.k" });
      await refused(client.batches.list({ limit: 101 }), bad, { code: "integer_above_max_value", param: "limit" });
      await refused(client.batches.list({ limit: 0 }), bad, { code: "integer_below_min_value", param: "limit" });
      await client.files.delete(file.id);
      await refused(createBatch(client, file), OpenAI.NotFoundError, {});
      await refused(upload(client, [request("a", "a")], "requests.txt"), bad, { message: "400 Invalid file format for Batch API. Must be .jsonl" });
    },
  },
  {
    name: "what is wrong with a batch's lines is said line by line, once it has failed",
    async run({ client }) {
      const lines = [request("a", "a"), "{", request("a", "again"), request("b", "b").replace("/v1/embeddings", "/v1/other"),
        request("c", "c").replace(model, "text-embedding-3-large"), request("d", "d").replace(model, "gpt"), '{"custom_id": "e"}'];
      const batch = await settled(client, (await createBatch(client, await upload(client, lines))).id);
      assert.equal(batch.status, "failed");
      assert.ok(batch.failed_at);
      assert.deepEqual(batch.errors.data.map((error) => [error.line, error.code, error.param]), [
        [2, "invalid_json_line", null],
        [3, "duplicate_custom_id", "custom_id"],
        [4, "invalid_url", "url"],
        [5, "mismatched_model", "body.model"],
        [6, "model_not_found", "body.model"],
        [7, "missing_required_parameter", "method"],
      ]);
      const empty = await settled(client, (await createBatch(client, await upload(client, [" ", ""]))).id);
      assert.equal(empty.errors.data[0].code, "empty_file");
    },
  },
  {
    name: "a request that only the embeddings call refuses fails alone",
    async run({ client }) {
      const file = await upload(client, [request("good", "a"), request("empty", ""), request("long", "x y ".repeat(9000))]);
      const batch = await settled(client, (await createBatch(client, file)).id);
      assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 3, completed: 1, failed: 2 }]);
      assert.deepEqual((await linesOf(client, batch.output_file_id)).map((line) => line.custom_id), ["good"]);
      const errors = await linesOf(client, batch.error_file_id);
      assert.deepEqual(errors.map((line) => [line.custom_id, line.response.status_code]).sort(), [["empty", 400], ["long", 400]]);
      assert.ok(errors.every((line) => line.response.body.error.message));
    },
  },
  {
    name: "the embeddings call refuses what OpenAI's does",
    async run({ client }) {
      const bad = OpenAI.BadRequestError;
      const create = (body) => client.embeddings.create({ model, input: "a", ...body });
      await refused(create({ model: "gpt-none" }), OpenAI.NotFoundError, { code: "model_not_found" });
      await refused(create({ input: "" }), bad, {});
      await refused(create({ input: [] }), bad, {});
      await refused(create({ input: Array(2049).fill("a") }), bad, { code: "array_above_max_length", param: "input" });
      await refused(create({ input: "x y ".repeat(9000) }), bad, {});
      await refused(create({ input: Array(100).fill("x y ".repeat(2000)) }), bad, { code: "max_tokens_per_request" });
      await refused(create({ dimensions: 1537 }), bad, {});
      await refused(create({ dimensions: 0 }), bad, { param: "dimensions" });
      await refused(create({ encoding_format: "hex" }), bad, { param: "encoding_format" });
      await refused(create({ model: "text-embedding-ada-002", dimensions: 8 }), bad, {});
    },
  },
  {
    name: "a key is needed, and every answer has an id",
    async run({ client }) {
      const answer = await fetch(`${client.baseURL}/files`);
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get("x-request-id"), /^req_[0-9a-f]{32}$/);
      check("{ error: ErrorBody }", await answer.json());
      const response = await client.files.list().asResponse();
      assert.ok(Number(response.headers.get("openai-processing-ms")) >= 0);
      check("List<FileObject>", await response.json());
      check("List<Batch>", await (await client.batches.list().asResponse()).json());
      const { response: embedded } = await client.embeddings.create({ model, input: "a" }).withResponse();
      assert.ok(Number(embedded.headers.get("x-ratelimit-remaining-tokens")) > 0);
      await refused(client.get("/nothing"), OpenAI.NotFoundError, { message: "404 Invalid URL (GET /v1/nothing)" });
    },
  },
  {
    name: "a part of a file comes to who asks for it",
    async run({ client }) {
      const file = await upload(client, [request("a", "a")]);
      const whole = await (await client.files.content(file.id)).text();
      const part = await client.files.content(file.id, { headers: { range: "bytes=5-9" } });
      assert.deepEqual([part.status, await part.text()], [206, whole.slice(5, 10)]);
      assert.equal(part.headers.get("content-range"), `bytes 5-9/${file.bytes}`);
      const beyond = await fetch(`${client.baseURL}/files/${file.id}/content`,
        { headers: { authorization: "Bearer k", range: "bytes=100000-" } });
      assert.equal(beyond.status, 416);
    },
  },
  {
    name: "the next batches end as they are told to",
    async run(emulator) {
      const { client } = emulator;
      await emulator.script("batches", { outcomes: [
        { end: "expired", done: 0.5 }, { end: "failed", code: "token_limit_exceeded" }, { output: "none" },
        { lines: { "line-error": 1 } }, { lines: { "line-null": 1 } }, { end: "cancelled", done: 0.25 }, { output: "truncated" } ] });
      const file = await upload(client, Array.from({ length: 8 }, (_, i) => request(`${i}`, `text ${i}`)));
      const batches = [];
      for (let i = 0; i < 7; ++i) batches.push((await createBatch(client, file)).id);
      const [expired, failed, none, errors, nulls, cancelled, truncated] = await Promise.all(batches.map((id) => settled(client, id)));
      assert.equal(expired.status, "expired");
      assert.deepEqual(expired.request_counts, { total: 8, completed: 4, failed: 0 });
      assert.equal((await linesOf(client, expired.output_file_id)).length, 4);
      const unexecuted = await linesOf(client, expired.error_file_id);
      assert.deepEqual(unexecuted.map((line) => [line.response, line.error.code]), Array(4).fill([null, "batch_expired"]));
      assert.deepEqual([failed.status, failed.errors.data[0].code], ["failed", "token_limit_exceeded"]);
      assert.deepEqual([none.status, none.output_file_id], ["completed", null]);
      assert.equal((await linesOf(client, none.error_file_id)).length, 8);
      assert.ok((await linesOf(client, errors.error_file_id)).every((line) => line.response === null && line.error.code));
      assert.ok((await linesOf(client, nulls.error_file_id)).every((line) => line.response === null && line.error === null));
      assert.deepEqual([cancelled.status, cancelled.request_counts.completed], ["cancelled", 2]);
      assert.equal((await linesOf(client, cancelled.output_file_id)).length, 2);
      const cut = await (await client.files.content(truncated.output_file_id)).text();
      assert.throws(() => JSON.parse(cut.trimEnd().split("\n").at(-1)));
    },
  },
  {
    name: "the next requests get the answers that are scripted, and a lost answer hides a deed that was done",
    async run(emulator) {
      const { client } = emulator;
      const file = await upload(client, [request("a", "a")]);
      const before = (await emulator.stats()).batches.by_metadata.own ?? {};
      assert.deepEqual(before, {});
      await emulator.script("answers", { answers: [
        { on: "POST /v1/batches", fault: "cut-after" },
        { on: "POST /v1/batches", status: 503, headers: { "retry-after": "7" }, body: { error: { message: "later", type: "server_error", param: null, code: null } } },
        { on: "GET /v1/batches/{id}", skip: 1, fault: "429" } ] });
      const lost = await createBatch(client, file, { metadata: { own: "1" } }).catch((error) => error);
      assert.ok(lost instanceof OpenAI.APIConnectionError, `${lost}`);
      const busy = await refused(createBatch(client, file, { metadata: { own: "1" } }), OpenAI.InternalServerError, { status: 503 });
      assert.equal(busy.headers.get("retry-after"), "7");
      assert.deepEqual((await emulator.stats()).batches.by_metadata.own, { 1: 1 });
      const made = (await client.batches.list({ limit: 1 })).data[0];
      await client.batches.retrieve(made.id);
      const limited = await refused(client.batches.retrieve(made.id), OpenAI.RateLimitError, { code: "rate_limit_exceeded" });
      assert.ok(Number(limited.headers.get("retry-after")) >= 1);
      await settled(client, made.id);
    },
  },
  {
    name: "what is paid for, and how much is under way at a time, is counted",
    async run(emulator) {
      const { client } = emulator;
      const before = await emulator.stats();
      const file = await upload(client, [request("paid-1", "one"), request("paid-2", "two")]);
      await settled(client, (await createBatch(client, file)).id);
      const after = await emulator.stats();
      assert.equal(after.paid.items - before.paid.items, 2);
      await settled(client, (await createBatch(client, file)).id);
      const twice = await emulator.stats();
      assert.equal(twice.paid.requests_more_than_once - after.paid.requests_more_than_once, 2);
      assert.ok(twice.requests.in_flight_max >= 1);
      assert.ok(twice.requests.by_operation["POST /v1/files"].count >= 1);
    },
  },
];

/// The largest batch that there can be takes no more memory than a small one; one request more is one too many.
async function atTheLimits(folder) {
  const emulator = await Emulator.start(folder, "--latency", "0s");
  try {
    const { client } = emulator;
    const lines = Array.from({ length: 50_000 }, (_, i) => request(`request-${i}`, `WHOLE MILK 1L ${i}`, { dimensions: 512 }));
    const batch = await settled(client, (await createBatch(client, await upload(client, lines))).id);
    assert.deepEqual([batch.status, batch.request_counts.completed], ["completed", 50_000]);
    let results = 0;
    for await (const piece of (await client.files.content(batch.output_file_id)).body) {
      for (const byte of piece) results += byte === 10 ? 1 : 0;
    }
    assert.equal(results, 50_000);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${emulator.process.pid}/status`, "utf8"))[1]);
    assert.ok(peak < 128 * 1024, `a peak of ${peak} KiB`);
    lines.push(request("one-too-many", "x"));
    const refused = await settled(client, (await createBatch(client, await upload(client, lines))).id);
    assert.deepEqual([refused.status, refused.errors.data[0].code], ["failed", "too_many_tasks"]);
  } finally {
    await emulator.stop();
  }
}

/// A server under faults: the client's own retries get everything through, and nothing is done twice that a client can tell.
async function withFaults(folder) {
  const faults = "429=0.1,5xx=0.1,cut=0.1,slow=0.02,retry-after=10ms,slow-for=20ms,list-lag=50ms";
  const emulator = await Emulator.start(folder, "--latency", "20ms", "--faults", faults, "--seed", "7");
  try {
    const client = emulator.client.withOptions({ maxRetries: 12, timeout: 20_000 });
    const file = await upload(client, [request("a", "a"), request("b", "b")]);
    const batch = await settled(client, (await createBatch(client, file)).id);
    assert.equal(batch.status, "completed");
    assert.equal((await linesOf(client, batch.output_file_id)).length, 2);
    for (let i = 0; i < 60; ++i) await client.embeddings.create({ model, input: `text ${i}`, dimensions: 4 });
    const { faults: counted } = (await emulator.stats()).requests;
    for (const name of ["429", "5xx", "cut-before", "cut-after"]) assert.ok(counted[name] > 0, `${name} did not happen`);
  } finally {
    await emulator.stop();
  }
}

/// What was accepted is there after a kill, and goes on.
async function afterAKill(folder) {
  const first = await Emulator.start(folder, "--latency", "100ms");
  const file = await upload(first.client, Array.from({ length: 20 }, (_, i) => request(`${i}`, `text ${i}`)));
  const created = await createBatch(first.client, file, { metadata: { own: "7" } });
  await settled(first.client, created.id, (batch) => batch.status === "in_progress");
  await first.stop("SIGKILL");
  const second = await Emulator.start(folder, "--latency", "100ms");
  try {
    assert.equal((await second.client.files.retrieve(file.id)).id, file.id);
    const batch = await settled(second.client, created.id);
    assert.equal(batch.status, "completed");
    assert.equal((await linesOf(second.client, batch.output_file_id)).length, 20);
    const stats = await second.stats();
    assert.deepEqual([stats.paid.items, stats.paid.requests_more_than_once], [20, 0]);
    assert.deepEqual(stats.batches.by_metadata, { own: { 7: 1 } });
  } finally {
    assert.equal(await second.stop(), 0);
  }
}

let failures = 0;
const attempt = async (name, run) => {
  try {
    await run();
    console.log(`ok: ${name}`);
  } catch (error) {
    ++failures;
    console.log(`FAILED: ${name}\n${error.stack}`);
  }
};

const emulator = await Emulator.start(join(scratch, "emulator"), "--latency", "validating=20ms,in-progress=150ms,finalizing=20ms,cancelling=50ms");
for (const { name, run } of shared) await attempt(name, () => run(emulator.client));
for (const { name, run } of ours) await attempt(name, () => run(emulator));
await attempt("it ends when it is asked to", async () => assert.equal(await emulator.stop(), 0));
await attempt("faults are survived by a client that tries again", () => withFaults(join(scratch, "faults")));
await attempt("50,000 requests are computed in bounded memory", () => atTheLimits(join(scratch, "limits")));
await attempt("a kill loses nothing", () => afterAKill(join(scratch, "killed")));
await attempt("all answers are of the client's types", compileAnswers);

const { LLMock } = load("@copilotkit/aimock");
const mock = new LLMock({ port: 0 });
try {
  const url = await mock.start();
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
  for (const { name, aimock, run } of shared) {
    if (aimock) console.log(`SKIPPED with aimock: ${name}: ${aimock}`);
    else await attempt(`aimock: ${name}`, () => run(client));
  }
} finally {
  await mock.stop();
  rmSync(scratch, { recursive: true, force: true });
}
if (failures > 0) console.log(`${failures} of the calls went wrong`);
process.exitCode = failures > 0 ? 1 : 0;
