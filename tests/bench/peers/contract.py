"""What the suite `peers` asks of an adapter, for Python; README.md tells."""

import asyncio
import json
import sys
import time

PART = 10_000


def run(install, fill, connect):
    """Does what the suite asks for.

    `install` creates the schema, `fill` queues jobs, `connect` is a context in which everything is connected; it yields a function
    that works the queue off and returns the number of jobs.
    """
    phase, url, jobs, clients, batch = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    match phase:
        case "install":
            asyncio.run(install(url))
        case "fill":
            asyncio.run(fill(url, jobs))
        case "drain":
            asyncio.run(timed(connect(url, clients, batch)))
        case _:
            raise ValueError(f"unknown phase {phase}")


async def timed(context):
    async with context as drain:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        start = time.perf_counter()
        jobs = await drain()
        seconds = time.perf_counter() - start
        print(json.dumps({"jobs": jobs, "seconds": seconds}), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


def parts(jobs):
    """The sizes of the parts in which `jobs` jobs are filled in."""
    for first in range(0, jobs, PART):
        yield min(PART, jobs - first)
