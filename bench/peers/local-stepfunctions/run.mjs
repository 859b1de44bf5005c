// run.mjs DEFINITION INPUT: runs a state machine, and prints how long that took and the peak of memory.
import { readFileSync } from 'node:fs';
import { StateMachine } from 'aws-local-stepfunctions';

const [definition, input] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file)));
const machine = new StateMachine(definition);
const started = process.hrtime.bigint();
const output = await machine.run(input).result;
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const peak_mb = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ seconds, peak_mb, output_items: output.length }));
