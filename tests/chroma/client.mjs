// Chroma's official client on standard input and output: `node client.mjs PORT`.
// Each line in is {"op": ..., "collection": ..., more arguments as the client names them}; each line out is {"value": ...} or
// {"error": "..."}. TILLITE_TOOLS names the folder in which the client is installed.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const tools = resolve(process.env.TILLITE_TOOLS ?? "build/tools");
const library = pathToFileURL(`${tools}/chroma-client/node_modules/chromadb/dist/chromadb.mjs`).href;
const { ChromaClient } = await import(library);
const client = new ChromaClient({ host: "127.0.0.1", port: Number(process.argv[2]) });

async function wait({ seconds = 60 }) {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    try {
      return await client.heartbeat();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((again) => setTimeout(again, 50));
    }
  }
}

const create = async ({ collection, space = "cosine" }) => {
  await client.createCollection({ name: collection, embeddingFunction: null, configuration: { hnsw: { space } } });
  return null;
};

const list = async () => (await client.listCollections()).map((collection) => collection.name).sort();

const describe = async ({ collection }) => {
  const found = await client.getCollection({ name: collection, embeddingFunction: null });
  return { name: found.name, metadata: found.metadata ?? null, configuration: found.configuration };
};

const withServer = { wait, create, list, describe };
const withCollection = ["count", "get", "query", "add", "upsert", "update", "delete"];

async function answer(command) {
  const { op, ...rest } = command;
  if (Object.hasOwn(withServer, op)) return withServer[op](rest);
  if (!withCollection.includes(op)) throw new Error(`there is no op '${op}'`);
  const { collection, ...request } = rest;
  return (await client.getCollection({ name: collection, embeddingFunction: null }))[op](request);
}

// Standard output is for answers only: what the library has to say goes to standard error.
console.log = console.info = console.warn = console.error;

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let reply;
  try {
    reply = { value: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    reply = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
