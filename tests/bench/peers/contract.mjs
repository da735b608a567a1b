// What the suite `peers` asks of an adapter, for Node; README.md tells.

import { createInterface } from "node:readline";

/**
 * Does what the suite asks for. `install` creates the schema, `fill` queues jobs, `connect` gives a `drain`, which returns how many
 * jobs it worked off and how long each of its cycles took, where it has any, and a `close`.
 */
export async function run({ install, fill, connect }) {
  const [phase, url, ...numbers] = process.argv.slice(2);
  const [jobs, clients, batch] = numbers.map(Number);
  switch (phase) {
    case "install":
      await install(url);
      break;
    case "fill":
      await fill(url, jobs);
      break;
    case "drain":
      await timed(await connect(url, clients, batch));
      break;
    default:
      throw new Error(`unknown phase ${phase}`);
  }
  // What else a library has running must not hold up the suite.
  process.exit();
}

async function timed({ drain, close }) {
  const words = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log("ready");
  await words.next();
  const start = performance.now();
  const { jobs, cycles_ms = [] } = await drain();
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ jobs, seconds, cycles_ms }));
  await words.next();
  await close();
}

/** Calls `queue` with the sizes of the parts in which `jobs` jobs are filled in. */
export async function inParts(jobs, queue) {
  for (let left = jobs; left > 0; left -= 10_000) {
    await queue(Math.min(left, 10_000));
  }
}
