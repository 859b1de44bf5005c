// Encodes texts with js-tiktoken: JSON strings come in, one a line; for each a JSON array of its tokens goes out.
// `node peer.mjs FOLDER`: where the package is installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const required = createRequire(resolve(process.argv[2]) + "/");
const { Tiktoken } = required("js-tiktoken/lite");
const encoding = new Tiktoken(required("js-tiktoken/ranks/cl100k_base"));

// Not by node:readline: since Node 24 it ends lines at U+2028 and U+2029 as well, which JSON strings may hold.
for (const line of readFileSync(0, "utf8").split("\n").filter((line) => line !== "")) {
  console.log(JSON.stringify(encoding.encode(JSON.parse(line), [], [])));
}
