// Writes the ranks of cl100k_base as data/cl100k_base/README.md describes them: `node make_ranks.mjs FOLDER TARGET`, FOLDER is
// where js-tiktoken is installed.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, target] = process.argv.slice(2);
const { bpe_ranks } = createRequire(resolve(folder) + "/")("js-tiktoken/ranks/cl100k_base");

// Lines "! RANK TOKEN TOKEN ...": tokens in base64, of this rank and those that follow it.
const tokens = [];
for (const line of bpe_ranks.split("\n").filter(Boolean)) {
  const [, first, ...encoded] = line.split(" ");
  encoded.forEach((token, i) => (tokens[Number(first) + i] = token));
}

// The hash of the encoding's own file, cl100k_base.tiktoken, by which every implementation knows it.
const published = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7";
const own_file = tokens.map((token, rank) => `${token} ${rank}\n`).join("");
const hash = createHash("sha256").update(own_file).digest("hex");
if (hash !== published) throw new Error(`these are not the ranks of cl100k_base: their hash is ${hash}`);

const listed = tokens.map((token) => Buffer.from(token, "base64")).flatMap((bytes) => [Buffer.from([bytes.length]), bytes]);
writeFileSync(target, gzipSync(Buffer.concat(listed), { level: 9 }));
