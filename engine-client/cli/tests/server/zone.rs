//! Moments in what the program prints.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::Value;

use super::{prints, prints_json};

/// The texts in a document that begin as a moment does.
fn moments(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => {
            let is_moment =
                text.len() > 18 && text.starts_with("20") && text.as_bytes()[10] == b'T';
            is_moment.then_some(text.as_str()).into_iter().collect()
        }
        Value::Array(values) => values.iter().flat_map(moments).collect(),
        Value::Object(fields) => fields.values().flat_map(moments).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn moments_are_printed_in_utc_whatever_the_zone_of_the_session_is() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("timezone", "Asia/Kathmandu").await?;
    let session = Session::open(&database).await?;
    let ended = session.trigger("t").await?.run_id;
    session.cancel(&format!("'{ended}'")).await?;
    let held = session.executing("t").await?;
    let due =
        "select waitpoint_id from engine_create_datetime_waitpoint(now() + interval '1 hour')";
    let due: String = session.client.query_one(due, &[]).await?.get(0);
    session.block(&held.run_id, &[&due]).await?;
    session.lapse(&held.run_id).await?;
    let id = held.run_id.as_str();
    for (arguments, least) in [
        (&["runs", "show", id][..], 10),
        (&["runs", "list"], 2),
        (&["top", "--once"], 2),
        (&["queues"], 0),
        (&["retention"], 1),
        (&["doctor"], 1),
        (&["check"], 0),
    ] {
        // The doctor and the check say by their codes what they found.
        let printed = super::engine(&database, &[arguments, &["--json"]].concat()).await?;
        let printed: Value = serde_json::from_str(&printed.stdout)?;
        let found = moments(&printed);
        assert!(found.len() >= least, "{arguments:?}: {printed}");
        for moment in found {
            let is_utc = moment.ends_with("+00:00") || moment.ends_with('Z');
            assert!(is_utc, "{arguments:?}: {moment}");
        }
    }
    let text = prints(&database, &["runs", "show", id]).await?;
    assert!(
        text.contains("+00:00") && !text.contains("+05:45"),
        "{text}"
    );
    let kept = prints_json(&database, &["runs", "list"]).await?;
    assert_eq!(kept.as_array().map(Vec::len), Some(2));
    Ok(())
}
