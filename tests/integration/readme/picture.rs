//! The picture of a run's life is what runs do.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use engine_core::ExecutionStatus;
use engine_harness::{Database, Page, Session};

/// Runs that take every arrow of the picture.
const LIVES: &str = r#"
do $$
declare
    r text; s text; w text;
begin
    -- Released; retried at once and later; waits, is suspended, continues, ends.
    select run_id into r from engine_trigger('t', max_attempts => 9);
    select snapshot_id into s from engine_dequeue();
    select snapshot_id into s from engine_start_attempt(r, s);
    perform engine_release(r, s);
    select snapshot_id into s from engine_dequeue();
    select snapshot_id into s from engine_start_attempt(r, s);
    select snapshot_id into s from engine_complete_attempt(r, s,
        '{"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 1}}');
    select snapshot_id into s from engine_start_attempt(r, s);
    select waitpoint_id into w from engine_create_manual_waitpoint();
    perform engine_block(r, array[w]);
    perform engine_complete_waitpoint(w);
    select waitpoint_id into w from engine_create_manual_waitpoint();
    select snapshot_id into s from engine_block(r, array[w]);
    perform engine_create_checkpoint(r, s, 'DOCKER', 'here');
    perform engine_complete_waitpoint(w);
    select snapshot_id into s from engine_dequeue();
    select snapshot_id into s from engine_continue(r, s);
    perform engine_succeed(r, s);
    -- Delayed, and cancelled in its queue.
    select run_id into r from engine_trigger('t', delay_until => clock_timestamp() + interval '1 hour');
    perform engine_reschedule(r, clock_timestamp());
    perform engine_tick();
    perform engine_cancel(r);
    -- Not started in time; cancelled while it executes.
    select run_id into r from engine_trigger('t');
    perform engine_dequeue();
    update engine.heartbeat set check_at = now() - interval '1 hour', deadline_at = now() - interval '1 hour';
    perform engine_tick();
    perform engine_cancel(r);
    select run_id into r from engine_trigger('t');
    select snapshot_id into s from engine_dequeue();
    select snapshot_id into s from engine_start_attempt(r, s);
    select snapshot_id into s from engine_cancel(r);
    perform engine_succeed(r, s);
    -- Put back into its queue after its end.
    select run_id into r from engine_create_failed_run('{"task": "t"}', '{"type": "STRING_ERROR", "raw": "no"}');
    perform engine_redrive(r);
end $$
"#;

/// The arrows of a state diagram, `[*]` for the beginning.
fn arrows(diagram: &str) -> Result<BTreeSet<(String, String)>> {
    let mut arrows = BTreeSet::new();
    for line in diagram.lines().skip(1) {
        let (arrow, label) = line.split_once(" : ").with_context(|| line.to_owned())?;
        let (from, to) = arrow.split_once("-->").with_context(|| line.to_owned())?;
        ensure!(!label.is_empty(), "an arrow that no run takes: {line}");
        arrows.insert((from.trim().to_owned(), to.trim().to_owned()));
    }
    Ok(arrows)
}

/// The functions that a label names, without their prefix.
fn functions(diagram: &str) -> BTreeSet<String> {
    let labels = diagram.lines().filter_map(|line| line.split_once(" : "));
    let parts = labels.flat_map(|(_, label)| label.split(", "));
    let names = parts.filter_map(|part| part.split(' ').next());
    names.map(|name| format!("engine_{name}")).collect()
}

/// The transitions in the table of the page of the database, `[*]` for the beginning.
fn listed() -> Result<BTreeSet<(String, String)>> {
    let all: Vec<&str> = ExecutionStatus::ALL
        .iter()
        .map(|status| status.as_str())
        .collect();
    let held = [
        "PENDING_EXECUTING",
        "EXECUTING",
        "EXECUTING_WITH_WAITPOINTS",
    ];
    let statuses = |cell: &str| -> Vec<String> {
        let named: Vec<&str> = match cell {
            "–" => vec!["[*]"],
            "held by a worker" => held.to_vec(),
            "any other" => all.clone(),
            _ => cell
                .split([',', ' '])
                .filter(|word| all.contains(word))
                .collect(),
        };
        named.into_iter().map(str::to_owned).collect()
    };
    let page = Page::read("sql/schema/README.md")?.text;
    let (_, rest) = page.split_once("| from | to | by |").context("no table")?;
    let mut listed = BTreeSet::new();
    for line in rest
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        for from in statuses(cells[1]) {
            if cells[2] == "unchanged" {
                listed.insert((from.clone(), from.clone()));
            }
            for to in statuses(cells[2]) {
                listed.insert((from.clone(), to));
            }
        }
    }
    ensure!(listed.len() > 20, "{listed:?}");
    Ok(listed)
}

#[tokio::test]
async fn runs_take_every_arrow_of_the_picture_and_functions_move_them() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute(LIVES).await?;
    let taken = "select distinct coalesce(lag(execution_status) over (partition by run_id order by ordinal)::text, '[*]'), \
                        execution_status::text from engine.snapshot where is_valid";
    let rows = session.client.query(taken, &[]).await?;
    let taken: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let listed = listed()?;
    let unlisted: Vec<_> = taken.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in the table: {unlisted:?}");
    let mut count = 0;
    for page in Page::all()? {
        for block in page.blocks_of("mermaid") {
            let place = format!("{}:{}", page.path.display(), block.line);
            let drawn = arrows(&block.text)?;
            let never: Vec<_> = drawn.difference(&taken).collect();
            assert!(never.is_empty(), "{place}: no run takes {never:?}");
            for function in functions(&block.text) {
                let found = format!("pg_proc where proname = '{function}'");
                assert_eq!(session.count(&found).await?, 1, "{place}: {function}");
            }
            count += drawn.len();
        }
    }
    assert!(count > 10, "{count}");
    Ok(())
}
