//! Bulk operations as files, and what each refused.

use serde_json::Value;

use super::{moment, number};
use crate::csv::Csv;
use crate::fault::Fault;
use crate::query::bulk;
use crate::request::Context;

pub(super) async fn operations(context: &Context) -> Result<Csv, Fault> {
    let all = context
        .read(async |reader| bulk::list(reader, None).await)
        .await?;
    let mut file = Csv::new(&[
        "bulk_id", "action", "state", "total", "done", "skipped", "refused", "by", "reason",
        "filter", "options", "began_at", "ended_at",
    ]);
    for bulk in all {
        file.add(&[
            bulk.bulk_id,
            bulk.action,
            bulk.state,
            number(bulk.total),
            number(bulk.done),
            number(bulk.skipped),
            number(bulk.refused),
            bulk.created_by,
            bulk.reason.unwrap_or_default(),
            Value::Object(bulk.filter).to_string(),
            Value::Object(bulk.options).to_string(),
            bulk.created_at.iso(),
            moment(bulk.finished_at),
        ]);
    }
    Ok(file)
}

/// How many runs an operation refused, by SQLSTATE.
pub(super) async fn refusals(context: &Context) -> Result<Csv, Fault> {
    let bulk_id = context.words.get("bulk").unwrap_or_default();
    let all = context
        .read(async |reader| bulk::list(reader, Some(bulk_id)).await)
        .await?;
    let bulk = all
        .first()
        .ok_or_else(|| Fault::missing(format!("there is no bulk operation {bulk_id}")))?;
    let mut file = Csv::new(&["bulk_id", "sqlstate", "runs"]);
    for (code, runs) in bulk.refused_by.iter().flatten() {
        file.add(&[bulk.bulk_id.clone(), code.clone(), number(runs.as_i64())]);
    }
    Ok(file)
}
