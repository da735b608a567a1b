"""procrastinate: completed jobs stay in their table; triggers write a row of each transition. It claims and completes one by one."""

from contextlib import asynccontextmanager

from contract import parts, run
from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector())
done = 0


@app.task(name="noop")
async def noop():
    global done
    done += 1


@asynccontextmanager
async def opened(url, sessions=1):
    connector = PsycopgConnector(conninfo=url, min_size=sessions, max_size=sessions)
    with app.replace_connector(connector) as connected:
        async with connected.open_async():
            await connector.pool.wait()
            yield connected


async def install(url):
    async with opened(url) as connected:
        await connected.schema_manager.apply_schema_async()


async def fill(url, jobs):
    async with opened(url):
        for count in parts(jobs):
            await noop.batch_defer_async(*({} for _ in range(count)))


@asynccontextmanager
async def connect(url, clients, _batch):
    async with opened(url, clients) as connected:

        async def drain():
            # Returns when the queue is empty and all jobs are completed.
            await connected.run_worker_async(concurrency=clients, wait=False, listen_notify=False)
            return done

        yield drain


run(install, fill, connect)
