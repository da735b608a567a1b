//! Many queues are behind at once.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

use super::{Finding, findings};

/// 25 queues with two due runs each, of which the later ones wait longer; and 12 that are paused.
const BEHIND: &str = "
    select engine_trigger('t', queue => format('behind-%s', n), queue_timestamp => now() - n * interval '1 minute')
    from generate_series(11, 35) as n, generate_series(1, 2);
    select engine_set_queue(format('paused-%s', n), paused => true) from generate_series(11, 22) as n;
    select engine_trigger('t', queue => format('paused-%s', n), queue_timestamp => now() - n * interval '1 minute')
    from generate_series(11, 22) as n;
";

/// The findings of a kind: the queues that are named, and what is said of the others.
fn of<'a>(found: &'a [Finding], kind: &str) -> Result<(Vec<&'a str>, &'a Finding)> {
    let found: Vec<&Finding> = found.iter().filter(|(what, ..)| what[1] == kind).collect();
    let (others, named) = found.split_last().context("nothing is found")?;
    let named = named.iter().map(|(what, ..)| what[2].as_str());
    Ok((named.collect(), others))
}

#[tokio::test]
async fn of_many_queues_that_are_behind_those_that_wait_longest_are_named_and_the_others_counted()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute(BEHIND).await?;
    let found = findings(&session).await?;
    for (kind, queue, last, counted) in [
        ("unclaimed", "behind", 35, ": 15, with due runs: 30."),
        ("paused", "paused", 22, ": 2, with due runs: 2."),
    ] {
        let (named, (what, detail, command)) = of(&found, kind)?;
        let expected: Vec<String> = (last - 9..=last).map(|n| format!("{queue}-{n}")).collect();
        assert_eq!(named, expected, "{kind}");
        assert!(
            what[2].is_empty() && detail.ends_with(counted),
            "{what:?}: {detail}"
        );
        let command = command.as_deref().context("no command")?;
        let listed = session.client.query(command, &[]).await?;
        assert_eq!(listed.len(), 37, "{command}");
    }
    Ok(())
}
