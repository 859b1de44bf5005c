import { test } from "node:test";
import { deployed, WHOLE } from "./deployment.ts";
test("x", async () => {
  const d = await deployed(WHOLE);
  console.log(d.resources.length, JSON.stringify(d.outputs, null, 1));
  console.log(JSON.stringify(d.all("aws:lambda/function:Function")[0], null, 1));
  const e = await deployed({});
  console.log(e.resources.length, JSON.stringify(e.outputs));
});
