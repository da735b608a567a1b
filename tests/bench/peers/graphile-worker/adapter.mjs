// graphile-worker: jobs are removed when they are completed.

import { Logger, makeWorkerUtils, runOnce } from "graphile-worker";
import pg from "pg";
import { inParts, run } from "../contract.mjs";

const TASK = "noop";

// One line per job is what it says otherwise.
const logger = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") console.error(message);
});

async function install(connectionString) {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  await utils.release();
}

async function fill(connectionString, jobs) {
  const utils = await makeWorkerUtils({ connectionString, logger });
  const job = { identifier: TASK, payload: {} };
  await inParts(jobs, (count) => utils.addJobs(Array(count).fill(job)));
  await utils.release();
}

async function connect(connectionString, clients, batch) {
  const pgPool = new pg.Pool({ connectionString, max: clients, idleTimeoutMillis: 0 });
  // Without these the library warns.
  pgPool.on("error", console.error);
  pgPool.on("connect", (session) => session.on("error", console.error));
  const sessions = await Promise.all(Array.from({ length: clients }, () => pgPool.connect()));
  sessions.forEach((session) => session.release());

  // Both halves of https://worker.graphile.org/docs/performance#batching
  const batching = { localQueue: { size: clients * batch }, completeJobBatchDelay: 0 };
  const preset = { worker: { concurrentJobs: clients, ...(batch > 1 && batching) } };
  let jobs = 0;
  const taskList = {
    [TASK]: async () => {
      jobs += 1;
    },
  };
  return {
    async drain() {
      // Returns when the queue is empty and the last completion is written.
      await runOnce({ pgPool, preset, taskList, logger });
      return { jobs };
    },
    close: () => pgPool.end(),
  };
}

await run({ install, fill, connect });
