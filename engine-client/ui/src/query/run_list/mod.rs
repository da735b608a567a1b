//! Lists of runs.

mod source;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_postgres::types::{Json, Type};

pub(crate) use self::source::Among;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIVE: &str = include_str!("../sql/run_live.sql");
const FAILED: &str = include_str!("../sql/run_failed.sql");

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

/// A part of a list, by the ids that bound it: what comes meanwhile moves no run from one part to another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Newest,
    /// The newest of those that are older than a run.
    Before(&'a str),
    /// The oldest of those that are newer than a run.
    After(&'a str),
}

/// A page of a list, newest first.
pub(crate) struct Found {
    pub(crate) runs: Vec<Listed>,
    /// Whether there are older ones.
    pub(crate) has_older: bool,
    /// Whether there are newer ones, as far as that is known: there may be some, where the page was asked for by an older run.
    pub(crate) has_newer: bool,
    /// The oldest run that was looked at, where the look ended before the runs did.
    pub(crate) reach: Option<String>,
    /// At most so many were looked at in each shard.
    pub(crate) budget: i64,
}

/// The runs of a filter.
pub(crate) struct Question<'a> {
    pub(crate) filter: &'a Map<String, Value>,
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) part: Part<'a>,
    pub(crate) among: Among,
    /// At most so many runs.
    pub(crate) most: usize,
}

impl Question<'_> {
    /// The run from which it goes on.
    fn from(&self) -> Option<&str> {
        match self.part {
            Part::Newest => None,
            Part::Before(id) | Part::After(id) => Some(id),
        }
    }

    fn goes_up(&self) -> bool {
        matches!(self.part, Part::After(_))
    }
}

/// The runs that a question asks for, newest first.
pub(crate) async fn find(reader: &Reader<'_>, question: Question<'_>) -> Result<Found, Fault> {
    let (ids, end) = match (&question.ids, question.among) {
        (Some(ids), _) => (Some(ids.clone()), None),
        (None, Among::Newest | Among::Batch | Among::Parent) => (None, None),
        (None, Among::Live) => (Some(live(reader).await?), None),
        (None, Among::Failed) => {
            let failures = failures(reader, &question).await?;
            (Some(failures.ids), failures.reach)
        }
    };
    let budget = match question.among {
        Among::Failed => FAILURES,
        Among::Newest | Among::Live | Among::Batch | Among::Parent => BUDGET,
    };
    let (from, goes_up) = (question.from(), question.goes_up());
    let most = i64::try_from(question.most + 1).unwrap_or(i64::MAX);
    let parameters = [
        (&Json(question.filter) as _, Type::JSONB),
        (&from as _, Type::TEXT),
        (&ids as _, Type::TEXT_ARRAY),
        (&BUDGET as _, Type::INT8),
        (&most as _, Type::INT8),
    ];
    let statements = question.among.statements();
    let statement = if goes_up {
        &statements.newer
    } else {
        &statements.older
    };
    let mut runs: Vec<Listed> = reader.rows(statement, &parameters).await?;
    let has_more = runs.len() > question.most;
    runs.truncate(question.most);
    if goes_up {
        runs.reverse();
        return Ok(Found {
            runs,
            has_older: true,
            has_newer: has_more,
            reach: None,
            budget,
        });
    }
    let reach = if has_more || ids.is_some() {
        end.filter(|_| !has_more)
    } else {
        let parameters = [
            (&Json(question.filter) as _, Type::JSONB),
            (&from as _, Type::TEXT),
            (&BUDGET as _, Type::INT8),
        ];
        reader
            .row::<Option<String>>(&statements.reach, &parameters)
            .await?
            .flatten()
    };
    Ok(Found {
        runs,
        has_older: has_more,
        has_newer: from.is_some(),
        reach,
        budget,
    })
}

async fn live(reader: &Reader<'_>) -> Result<Vec<String>, Fault> {
    let ids: Option<Option<Vec<String>>> = reader.row(LIVE, &[(&BUDGET, Type::INT8)]).await?;
    Ok(ids.flatten().unwrap_or_default())
}

async fn failures(reader: &Reader<'_>, question: &Question<'_>) -> Result<Failures, Fault> {
    let from = question.from();
    let matching = MATCHING.max(i64::try_from(question.most).unwrap_or(MATCHING) + 1);
    let parameters = [
        (&Json(question.filter) as _, Type::JSONB),
        (&from as _, Type::TEXT),
        (&FAILURES as _, Type::INT8),
        (&matching as _, Type::INT8),
        (&question.goes_up() as _, Type::BOOL),
    ];
    Ok(reader.row(FAILED, &parameters).await?.unwrap_or_default())
}
