//! The runs that a command is about.

use clap::Args;
use engine_client::RunId;
use tokio_postgres::types::{Json, Type};

use crate::conditions::Conditions;
use crate::failure::Failure;
use crate::session::Session;
use crate::statement;
use crate::table::Row;

/// Conditions on runs; all of them must match.
#[derive(Args, Clone, Default)]
pub struct Filter {
    #[command(flatten)]
    conditions: Conditions,
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
    /// Most runs to read.
    pub budget: Option<i64>,
}

impl Filter {
    /// Whether any run matches.
    pub fn is_empty(&self) -> bool {
        self.conditions.filter().is_empty()
    }

    /// The runs that match, newest first. If the budget did not allow to read all, and there is room for more, the last row has
    /// only `continue_before`: the run with which to continue.
    pub async fn find(&self, session: &Session, page: &Page<'_>) -> Result<Vec<Row>, Failure> {
        let before = page.before.map(RunId::as_str);
        session
            .rows(
                statement::RUN_LIST,
                &[
                    (&Json(self.conditions.filter()), Type::JSONB),
                    (&before, Type::TEXT),
                    (&page.is_finished, Type::BOOL),
                    (&page.limit, Type::INT8),
                    (&page.budget, Type::INT8),
                ],
            )
            .await
    }
}
