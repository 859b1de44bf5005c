// Encodes texts with js-tiktoken: JSON strings come in, one a line; for each a JSON array of its tokens goes out.
// `node peer.mjs FOLDER`: where the package is installed.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const required = createRequire(resolve(process.argv[2]) + "/");
const { Tiktoken } = required("js-tiktoken/lite");
const encoding = new Tiktoken(required("js-tiktoken/ranks/cl100k_base"));

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(encoding.encode(JSON.parse(line), [], [])));
}
