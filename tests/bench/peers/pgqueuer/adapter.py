"""pgqueuer: a completed job leaves the queue's table; a log keeps a row of each of its transitions."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
from contract import parts, run
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

ENTRYPOINT = "noop"


@asynccontextmanager
async def connected(url):
    connection = await asyncpg.connect(url)
    try:
        yield AsyncpgDriver(connection)
    finally:
        await connection.close()


async def install(url):
    async with connected(url) as driver:
        await Queries(driver).install()


async def fill(url, jobs):
    async with connected(url) as driver:
        for count in parts(jobs):
            await Queries(driver).enqueue([ENTRYPOINT] * count, [None] * count, [0] * count)


@asynccontextmanager
async def connect(url, clients, batch):
    done = 0

    async def noop(_job):
        nonlocal done
        done += 1

    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(clients):
            worker = PgQueuer(await stack.enter_async_context(connected(url)))
            worker.entrypoint(ENTRYPOINT)(noop)
            workers.append(worker)

        async def drain():
            options = {
                "batch_size": batch,
                "mode": QueueExecutionMode.drain,
                # How long a worker that finds nothing waits for its neighbours before it ends.
                "dequeue_timeout": timedelta(milliseconds=10),
            }
            # Each returns when the queue is empty and its log is written.
            await asyncio.gather(*(worker.run(**options) for worker in workers))
            return done

        yield drain


run(install, fill, connect)
