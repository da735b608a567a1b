//! Suite `page`: what people look at, beside finished runs that are kept: the dashboard's pages, its lists and those of the command line.

mod blocks;
mod command;
mod fill;
mod look;

use std::path::PathBuf;

use anyhow::Result;
use engine_page::pages;

use super::Bench;
use super::figure::Figure;
use super::report::Chapter;
use super::trial::{Case, interleave};

const ABOUT: &str = "Pages of `engine ui` and lists of the command line, from the request to the last byte, beside finished runs that are kept, \
    of which one in a hundred failed, 10,000 queues, of which 500 have due runs, and 5,000 failures that are newest.";

const NOTES: &str = "A trial starts a dashboard, whose first page connects to the database, and asks it for the same page ten times more; of a list \
    also for as many older pages, one after the other. Processes of the command line are as many. Nothing is read into the server's buffer \
    beforehand. Blocks are those of 8 kB that sessions of the trial asked the server's buffer for, its connections included. \
    `--rows-limit` is the number of finished runs, one million by default.";

/// Finished runs that are kept.
const KEPT: u64 = 1_000_000;

/// Requests of a trial after the first one.
const REQUESTS: usize = 10;

const FIRST: Figure = Figure::new("first page after its start, ms", 0);
const P50: Figure = Figure::new("p50, ms", 0);
const MOST: Figure = Figure::new("longest, ms", 0);
const CPU: Figure = Figure::new("CPU of dashboard and session, ms", 0);
const BLOCKS: Figure = Figure::new("blocks read", 0);
const OLDER: Figure = Figure::new("older pages", 0);
const OLDER_P50: Figure = Figure::new("older page p50, ms", 0);
const OLDER_MOST: Figure = Figure::new("older page, longest, ms", 0);
const OLDER_BLOCKS: Figure = Figure::new("blocks read by an older page", 0);

/// What each filter of the page finds: nothing, where a text says so, so that all that it may look at is looked at.
const LISTS: [&str; 21] = [
    "/runs",
    "/runs?status=running",
    "/runs?status=queued",
    "/runs?status=succeeded",
    "/runs?status=failed",
    "/runs?status=cancelled",
    "/runs?status=dead",
    "/runs?status=failed&since=1h",
    "/runs?since=1h",
    "/runs?until=1s",
    "/runs?task=noop",
    "/runs?task=none",
    "/runs?queue=queue-7",
    "/runs?tag=none",
    "/runs?metadata=none",
    "/runs?key=none",
    "/runs?version=none",
    "/runs?error=answer",
    "/runs?error=none",
    "/runs?batch=none",
    "/runs?parent=none",
];

/// The same on the command line, and what it alone has.
const COMMANDS: [&str; 20] = [
    "runs list",
    "runs list --since 1h",
    "runs list --until 1s",
    "runs list --failed",
    "runs list --failed --finished-since 1h",
    "runs list --status EXECUTING",
    "runs list --task noop",
    "runs list --task none",
    "runs list --queue queue-7",
    "runs list --tag none",
    "runs list --metadata none",
    "runs list --key none",
    "runs list --worker-version none",
    "runs list --error answer",
    "runs list --error none",
    "runs list --batch none",
    "runs list --parent none",
    "runs errors",
    "runs errors --since 1h",
    "top --once",
];

#[derive(Clone)]
enum Setup {
    Page(String),
    List(&'static str),
    Command(&'static str),
}

impl Case for Setup {
    fn conditions(&self) -> String {
        match self {
            Self::Page(_) => "pages".to_owned(),
            Self::List(_) => "lists of runs in the dashboard".to_owned(),
            Self::Command(_) => "the command line".to_owned(),
        }
    }

    fn variant(&self) -> String {
        match self {
            // Ids differ from one measurement to the next.
            Self::Page(path) if path.starts_with("/runs/") => "/runs/RUN".to_owned(),
            Self::Page(path) if path.starts_with("/bulk/") => "/bulk/BULK".to_owned(),
            Self::Page(path) => path.clone(),
            Self::List(path) => (*path).to_owned(),
            Self::Command(line) => format!("engine {line}"),
        }
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let kept = bench.arguments.rows_limit.unwrap_or(KEPT);
    let program: PathBuf = command::build()?;
    let stock = fill::fill(&bench.cluster, kept).await?;
    let pages = pages(&stock.observer().await?).await?.into_iter();
    let cases: Vec<Setup> = pages
        .map(Setup::Page)
        .chain(LISTS.map(Setup::List))
        .chain(COMMANDS.map(Setup::Command))
        .collect();
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| match case {
        Setup::Page(path) => look::page(&stock, path).await,
        Setup::List(path) => look::list(&stock, path).await,
        Setup::Command(line) => command::trial(&stock, &program, line).await,
    })
    .await?;
    stock.remove().await?;
    let size = format!("Finished runs: {kept}.");
    Ok(Chapter::new("page", ABOUT, outcomes).noting([NOTES.to_owned(), size]))
}
