// pg-boss: completed jobs stay in their table. `fetch` and `complete` are called directly: its workers pause between two fetches.

import { PgBoss } from "pg-boss";
import { inParts, run } from "../contract.mjs";

const QUEUE = "noop";

async function start(connectionString, options = {}) {
  const boss = new PgBoss({ connectionString, ...options });
  boss.on("error", console.error);
  return boss.start();
}

async function install(connectionString) {
  const boss = await start(connectionString);
  await boss.createQueue(QUEUE);
  await boss.stop();
}

async function fill(connectionString, jobs) {
  const boss = await start(connectionString);
  await inParts(jobs, (count) => boss.insert(QUEUE, Array(count).fill({ data: {} })));
  await boss.stop();
}

async function connect(connectionString, clients, batchSize) {
  const boss = await start(connectionString, { max: clients });
  // As many sessions as statements at a time.
  const pauses = Array.from({ length: clients }, () => boss.getDb().executeSql("select pg_sleep(0.1)"));
  await Promise.all(pauses);

  let jobs = 0;
  const cycles_ms = [];
  async function work() {
    for (;;) {
      const begun = performance.now();
      const fetched = await boss.fetch(QUEUE, { batchSize });
      if (fetched.length === 0) return;
      await boss.complete(QUEUE, fetched.map((job) => job.id));
      cycles_ms.push(performance.now() - begun);
      jobs += fetched.length;
    }
  }
  return {
    async drain() {
      await Promise.all(Array.from({ length: clients }, work));
      return { jobs, cycles_ms };
    },
    close: () => boss.stop({ graceful: false }),
  };
}

await run({ install, fill, connect });
