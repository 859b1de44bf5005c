// Evaluates expressions with the reference implementation: JSON lines {"expression", "input", "variables"} come in, for
// each one goes out: {"result"}, {} if there is none, or {"code", "message"}. `node peer.mjs FOLDER NOW`: where the package is
// installed, and the milliseconds that $now() and $millis() tell.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const jsonata = createRequire(resolve(process.argv[2]) + "/")("jsonata");
const RealDate = Date;
const now = Number(process.argv[3]);
globalThis.Date = class extends RealDate {
  constructor(...given) {
    given.length === 0 ? super(now) : super(...given);
  }
};

// JSONata's own functions are objects; JSON has no functions at all.
const isFunction = (value) => value?._jsonata_lambda === true || value?._jsonata_function === true;
const withoutFunctions = (key, value) => (isFunction(value) ? undefined : value);

// Not by node:readline: since Node 24 it ends lines at U+2028 and U+2029 as well, which JSON strings may hold.
for (const line of readFileSync(0, "utf8").split("\n").filter((line) => line !== "")) {
  const { expression, input, variables } = JSON.parse(line);
  let answer;
  try {
    const result = await jsonata(expression).evaluate(input, variables ?? {});
    answer = { result };
  } catch (error) {
    answer = { code: error.code ?? "none", message: error.message };
  }
  console.log(JSON.stringify(answer, withoutFunctions));
}
