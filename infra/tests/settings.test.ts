import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { repositoryFile } from "../inputs/repository.ts";
import { deployed, WHOLE } from "./deployment.ts";

// Setting, value, and what the error says behind the key.
const WRONG: readonly [string, string, RegExp][] = [
  [
    "suffix",
    "Not This",
    /is "Not This", which is no suffix of at most 20 letters \(a-z\), digits and -: pulumi config set tillite:suffix test/,
  ],
  ["imageDigest", "latest", /is "latest", which is no digest of an image/],
  ["openaiBaseUrl", "example.com", /is "example.com", which is no address of a server: .*https:/],
  ["embeddingDimensions", "many", /is "many": it takes a whole number from 1 to 65536/],
  ["embeddingDimensions", "0", /a whole number from 1/],
  ["embeddingDimensions", "1.5", /a whole number/],
  ["compactionConcurrency", "-1", /a whole number from 0 to 1000/],
  ["compactionConcurrency", "1", /is 1: the queue alone starts two at once/],
  ["protectData", "maybe", /is "maybe": it takes true or false/],
  ["logLevel", "TRACE", /is "TRACE": it takes one of DEBUG, INFO, WARNING, ERROR/],
  ["logRetentionDays", "31", /it takes one of 1, 3, 5, 7, 14, 30/],
  ["alarmEmail", "nobody", /which is no e-mail address/],
  ["submitSchedule", "hourly", /which is no schedule of EventBridge: .*'rate\(1 hour\)'/],
  ["existingTable", "a table", /which is no name of a table/],
  ["existingBucket", "A", /which is no name of a bucket/],
  [
    "bootstrapZip",
    "/nowhere/bootstrap.zip",
    /names \/nowhere\/bootstrap.zip, which is not there: scripts\/package makes it/,
  ],
];

describe("a setting that cannot be used", () => {
  for (const [key, value, message] of WRONG) {
    it(`${key} = ${value} is an error with the key and the remedy`, async () => {
      await assert.rejects(deployed({ ...WHOLE, [`tillite:${key}`]: value }), (error: Error) => {
        assert.ok(error.message.startsWith(`the setting tillite:${key} `), error.message);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("is a missing key of the provider, as soon as there is an image", async () => {
    const without = Object.fromEntries(Object.entries(WHOLE).filter(([key]) => key !== "tillite:openaiApiKey"));
    await assert.rejects(
      deployed(without),
      /tillite:openaiApiKey is missing: pulumi config set tillite:openaiApiKey --secret/,
    );
    await deployed({ ...without, "tillite:openaiBaseUrl": "https://embeddings.example/v1" });
  });
});

describe("infra/README.md", () => {
  it("names every setting and no other", () => {
    const read = readFileSync(repositoryFile("infra/inputs/settings.ts"), "utf8");
    const keys = new Set(Array.from(read.matchAll(/^  readonly (\w+)\??:/gm), (match) => String(match[1])));
    const section =
      readFileSync(repositoryFile("infra/README.md"), "utf8").split("## Settings")[1]?.split("\n## ")[0] ?? "";
    const named = section.split("\n").flatMap((line) => /^\| ([\w, ]+) \|/.exec(line)?.[1]?.split(", ") ?? []);
    assert.deepEqual(named.filter((key) => key !== "key").sort(), [...keys].sort());
  });
});

describe("data", () => {
  it("can be let go with the stack", async () => {
    const stack = await deployed({ ...WHOLE, "tillite:protectData": "false" });
    assert.equal(stack.one("aws:dynamodb/table:Table", "receipts").inputs.deletionProtectionEnabled, false);
  });
});
