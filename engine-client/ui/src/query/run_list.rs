//! Lists of runs.

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_postgres::types::{Json, Type};

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIST: &str = include_str!("sql/run_list.sql");
const REACH: &str = include_str!("sql/run_reach.sql");
const LIVE: &str = include_str!("sql/run_live.sql");
const FAILED: &str = include_str!("sql/run_failed.sql");

/// Runs on a page.
pub(crate) const PAGE: usize = 50;

/// How many of the newest runs of a shard a list looks at.
pub(crate) const BUDGET: i64 = 20_000;

/// How many of the newest failures of a shard a list of failures looks at.
const FAILURES: i64 = 100_000;

/// How many failures a list may still have to look through, run by run.
const MATCHING: i64 = 1_000;

/// Failures among which a list looks.
#[derive(Default, Deserialize)]
struct Failures {
    ids: Vec<String>,
    /// The oldest that was looked at, where there may be more.
    reach: Option<String>,
}

/// A run of a list.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    pub(crate) run_id: String,
    pub(crate) task: String,
    pub(crate) queue: String,
    pub(crate) run_status: String,
    pub(crate) execution_status: String,
    pub(crate) attempt: Option<i64>,
    pub(crate) max_attempts: Option<i64>,
    pub(crate) created_at: Moment,
    pub(crate) completed_at: Option<Moment>,
    pub(crate) updated_at: Moment,
    pub(crate) delay_until: Option<Moment>,
    pub(crate) available_at: Option<Moment>,
    pub(crate) ttl: Option<String>,
    pub(crate) is_dead_lettered: bool,
    pub(crate) status_reason: Option<String>,
    pub(crate) error: Option<Value>,
}

/// Where a list looks for its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// The newest.
    Newest,
    /// Those that have not ended.
    Live,
    /// Those that failed.
    Failed,
}

/// A page of a list.
pub(crate) struct Found {
    pub(crate) runs: Vec<Listed>,
    /// Whether there are more on the next page.
    pub(crate) has_more: bool,
    /// The oldest run that was looked at, where the look ended before the runs did.
    pub(crate) reach: Option<String>,
}

/// The runs of a filter.
pub(crate) struct Question<'a> {
    pub(crate) filter: &'a Map<String, Value>,
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) before: Option<&'a str>,
    pub(crate) among: Among,
}

/// The runs that a question asks for, newest first.
pub(crate) async fn find(reader: &Reader<'_>, question: Question<'_>) -> Result<Found, Fault> {
    let (ids, end) = match (&question.ids, question.among) {
        (Some(ids), _) => (Some(ids.clone()), None),
        (None, Among::Newest) => (None, None),
        (None, Among::Live) => (Some(live(reader).await?), None),
        (None, Among::Failed) => {
            let failures = failures(reader, &question).await?;
            (Some(failures.ids), failures.reach)
        }
    };
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let parameters = [
        (&Json(question.filter) as _, Type::JSONB),
        (&question.before as _, Type::TEXT),
        (&ids as _, Type::TEXT_ARRAY),
        (&BUDGET as _, Type::INT8),
        (&most as _, Type::INT8),
    ];
    let mut runs: Vec<Listed> = reader.rows(LIST, &parameters).await?;
    let has_more = runs.len() > PAGE;
    runs.truncate(PAGE);
    let reach = if has_more || ids.is_some() {
        end.filter(|_| !has_more)
    } else {
        let parameters = [
            (&question.before as _, Type::TEXT),
            (&BUDGET as _, Type::INT8),
        ];
        reader
            .row::<Option<String>>(REACH, &parameters)
            .await?
            .flatten()
    };
    Ok(Found {
        runs,
        has_more,
        reach,
    })
}

async fn live(reader: &Reader<'_>) -> Result<Vec<String>, Fault> {
    let ids: Option<Option<Vec<String>>> = reader.row(LIVE, &[(&BUDGET, Type::INT8)]).await?;
    Ok(ids.flatten().unwrap_or_default())
}

async fn failures(reader: &Reader<'_>, question: &Question<'_>) -> Result<Failures, Fault> {
    let parameters = [
        (&Json(question.filter) as _, Type::JSONB),
        (&question.before as _, Type::TEXT),
        (&FAILURES as _, Type::INT8),
        (&MATCHING as _, Type::INT8),
    ];
    Ok(reader.row(FAILED, &parameters).await?.unwrap_or_default())
}
