//! The numbers of charts as a file.

use super::number;
use crate::csv::Csv;
use crate::fault::Fault;
use crate::query::history::Outcomes;
use crate::query::session::Facts;
use crate::request::Context;

/// What ended per minute, by outcome.
pub(super) async fn outcomes(context: &Context) -> Result<Csv, Fault> {
    let outcomes = context
        .read(async |reader| {
            let now = Facts::read(reader).await?.now;
            Outcomes::read(reader, now, context.environment()).await
        })
        .await?;
    let series = [
        &outcomes.failed,
        &outcomes.retried,
        &outcomes.succeeded,
        &outcomes.cancelled,
    ];
    let mut file = Csv::new(&["minute", "failed", "retried", "succeeded", "cancelled"]);
    for place in 0..outcomes.failed.values.len() {
        let mut row = vec![outcomes.failed.minute(place).iso()];
        row.extend(series.map(|series| number(series.values[place])));
        file.add(&row);
    }
    Ok(file)
}
