//! The runs that a command is about.

use clap::Args;
use engine_client::{RunId, RunStatus};
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

/// Conditions on runs; all of them must match.
#[derive(Args, Clone, Default)]
pub struct Filter {
    /// Only runs of this status, such as EXECUTING or completed-with-errors; may be given several times
    #[arg(long, short, value_name = "STATUS", value_parser = run_status)]
    status: Vec<RunStatus>,

    /// Only runs of this task
    #[arg(long, short)]
    task: Option<String>,

    /// Only runs of this queue
    #[arg(long, short)]
    queue: Option<String>,

    /// Only runs of this environment
    #[arg(long, short)]
    environment: Option<String>,

    /// Only runs with this tag
    #[arg(long)]
    tag: Option<String>,
}

/// A page of the runs that match.
#[derive(Default)]
pub struct Page<'a> {
    /// Only runs older than this one.
    pub before: Option<&'a RunId>,
    /// Only runs that have ended, or that have not.
    pub is_finished: Option<bool>,
    /// Most runs to return.
    pub limit: Option<i64>,
}

impl Filter {
    /// Whether any run matches.
    pub fn is_empty(&self) -> bool {
        let Self {
            status,
            task,
            queue,
            environment,
            tag,
        } = self;
        status.is_empty()
            && [task, queue, environment, tag]
                .iter()
                .all(|one| one.is_none())
    }

    /// The runs that match, newest first.
    pub async fn find(&self, session: &Session, page: &Page<'_>) -> Result<Vec<Row>, Failure> {
        let statuses: Vec<&str> = self.status.iter().map(|status| status.as_str()).collect();
        let statuses = (!statuses.is_empty()).then_some(statuses);
        let before = page.before.map(RunId::as_str);
        session
            .rows(
                statement::RUN_LIST,
                &[
                    (&statuses, Type::TEXT_ARRAY),
                    (&self.task, Type::TEXT),
                    (&self.queue, Type::TEXT),
                    (&self.environment, Type::TEXT),
                    (&self.tag, Type::TEXT),
                    (&before, Type::TEXT),
                    (&page.is_finished, Type::BOOL),
                    (&page.limit, Type::INT8),
                ],
            )
            .await
    }
}

/// Parses a status in either case, with hyphens or underscores.
fn run_status(text: &str) -> Result<RunStatus, String> {
    let name = text.to_uppercase().replace('-', "_");
    name.parse()
        .map_err(|_| "no such run status: see --help of `engine runs list`".to_owned())
}
