//! What a family looks like, to the model and on the server.

use anyhow::Result;
use engine_harness::Session;
use tokio_postgres::types::ToSql;

use super::member::Member;
use super::player::Names;
use super::state::{Notes, State, Who};
use crate::seen::Seen;

/// A family, without its workers.
#[derive(Debug, PartialEq, Eq)]
pub struct SeenFamily {
    /// Each with whether it has a checkpoint; none before it is triggered, and once it is removed.
    runs: [Option<(Seen, bool)>; 2],
    /// Whether what the parent waits for is completed; none if it does not exist.
    waitpoint: Option<bool>,
    has_edge: bool,
    notes: Notes,
}

/// The latest snapshots of the runs that are there.
pub type Latest = [Option<String>; 2];

const READ: &str = "
    select (select w.status = 'COMPLETED' from engine.waitpoint as w where w.id = $3),
           exists (select from engine.edge as e where e.run_id = $1),
           exists (select from engine.timer as t where t.kind = 'CONTINUE_RUN' and split_part(t.id, '/', 1) = $1),
           exists (select from engine.timer as t where t.kind = 'CANCEL_RUN' and t.id = $2),
           exists (select from engine.timer as t where t.kind = 'COMPLETE_BATCH' and split_part(t.id, '/', 1) = $4),
           array(select s.run_id from engine.run_state as s where s.run_id in ($1, $2) and s.checkpoint_id is not null)";

impl SeenFamily {
    pub fn of(state: &State) -> Self {
        Self {
            runs: Who::BOTH.map(|who| state.member(who).map(of_member)),
            waitpoint: state.waitpoint,
            has_edge: state.has_edge,
            notes: state.notes,
        }
    }

    pub async fn read(session: &Session, names: &Names) -> Result<(Self, Latest)> {
        let [parent, child] = &names.runs;
        let arguments: [&(dyn ToSql + Sync); 4] = [parent, child, &names.waitpoint, &names.batch];
        let row = session.client.query_one(READ, &arguments).await?;
        let frozen: Vec<String> = row.get(5);
        let (mut runs, mut latest) = ([None, None], [None, None]);
        for (index, run) in names.runs.iter().enumerate() {
            let Some(run) = run else { continue };
            if let Some((seen, snapshot)) = Seen::read(session, run).await? {
                runs[index] = Some((seen, frozen.contains(run)));
                latest[index] = Some(snapshot);
            }
        }
        let seen = Self {
            runs,
            waitpoint: row.get(0),
            has_edge: row.get(1),
            notes: Notes {
                resume_parent: row.get(2),
                cancel_child: row.get(3),
                end_batch: row.get(4),
            },
        };
        Ok((seen, latest))
    }
}

fn of_member(run: &Member) -> (Seen, bool) {
    let latest = run.row.snapshot;
    let deadline = run.deadline;
    let deadline = deadline.map(|deadline| (deadline.snapshot == latest, deadline.holds_slot));
    (
        Seen::of(&run.row, run.has_item, deadline),
        run.has_checkpoint,
    )
}
