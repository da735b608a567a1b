//! What must hold after every kill.

use std::collections::HashSet;
use std::fmt::{self, Display};

use anyhow::Result;
use engine_harness::Session;

use super::journal::Journals;

/// What was found.
#[derive(Default)]
pub struct Found {
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    pub violations: Vec<String>,
}

impl Found {
    pub fn is_nothing(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.violations.is_empty()
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, found) in [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("violated", &self.violations),
        ] {
            for what in found.iter().take(20) {
                writeln!(f, "{word}: {what}")?;
            }
        }
        Ok(())
    }
}

/// Acknowledged runs, batches and waitpoints that are gone, and those that are not as they were acknowledged.
const LOST: &str = "
    select format('run %s', a.id) from unnest($1::text[]) as a(id)
    where not exists (select from engine.run as r join engine.run_state as s on s.shard = r.shard and s.run_id = r.id where r.id = a.id)
    union all
    select format('the end of run %s, which is %s', s.run_id, s.execution_status) from engine.run_state as s
    where s.run_id = any ($2::text[]) and s.execution_status <> 'FINISHED'
    union all
    select format('batch %s', a.id) from unnest($3::text[]) as a(id)
    where not exists (select from engine.batch as b where b.id = a.id)
    union all
    select format('waitpoint %s', a.id) from unnest($4::text[]) as a(id)
    where not exists (select from engine.waitpoint as w where w.id = a.id)
    union all
    select format('output %s of waitpoint %s, which is %s, %s', a.output, w.id, w.status, w.output)
    from unnest($5::text[], $6::text[]) as a(id, output)
    join engine.waitpoint as w on w.id = a.id
    where w.status <> 'COMPLETED' or w.output is distinct from a.output
    union all
    select format('position %s of reader %s, which says %s', a.position, a.name, r.position)
    from unnest($7::text[], $8::bigint[]) as a(name, position)
    join engine.event_reader as r on r.name = a.name
    where r.position < a.position
    union all
    select format('the effect of attempt %s of run %s, which succeeded', s.attempt_number, s.run_id) from engine.run_state as s
    where s.run_status = 'COMPLETED_SUCCESSFULLY'
      and not exists (select from public.effect as e where e.run_id = s.run_id and e.attempt = s.attempt_number)";

/// Attempts that were executed twice, and runs that have ended twice.
const DOUBLED: &str = "
    select format('attempt %s of run %s', e.attempt, e.run_id) from public.effect as e
    group by e.run_id, e.attempt having count(distinct e.token) > 1
    union all
    select format('the end of run %s', p.run_id) from engine.snapshot as p
    where p.execution_status = 'FINISHED'
    group by p.run_id
    having count(*) filter (where p.run_status = 'COMPLETED_SUCCESSFULLY') > 1 or count(*) > 1 and p.run_id <> all ($1::text[])";

/// Environments, queues and keys that hold more slots than they may. Their limits never change.
const OVER_LIMIT: &str = "
    select format('%s slots of %s in %s %s', s.held, s.cap, s.name, s.concurrency_key)
    from (
        select 'environment ' || environment_id as name, '' as concurrency_key, count(*) as held, 4 as cap
        from engine.slot where environment_id = 'limited' group by environment_id
        union all
        select 'queue ' || queue, concurrency_key, count(*), case queue when 'narrow' then 2 else 1 end
        from engine.slot where queue in ('narrow', 'keyed') group by environment_id, queue, concurrency_key
    ) as s
    where s.held > s.cap";

/// Audits the database of a round.
pub async fn audit(session: &Session, journals: &Journals) -> Result<Found> {
    let list = |ids: &HashSet<String>| -> Vec<String> { ids.iter().cloned().collect() };
    let ended: HashSet<String> = &journals.ended - &journals.redriven;
    let (runs, ended) = (list(&journals.runs), list(&ended));
    let (batches, waitpoints) = (list(&journals.batches), list(&journals.waitpoints));
    let (completed, outputs): (Vec<&String>, Vec<&String>) = journals.outputs.iter().unzip();
    let (readers, positions): (Vec<&String>, Vec<&i64>) = journals.positions.iter().unzip();
    let client = &session.client;
    let lost = client
        .query(
            LOST,
            &[
                &runs,
                &ended,
                &batches,
                &waitpoints,
                &completed,
                &outputs,
                &readers,
                &positions,
            ],
        )
        .await?;
    let redriven = list(&journals.redriven);
    let doubled = client.query(DOUBLED, &[&redriven]).await?;
    let over_limit = client.query(OVER_LIMIT, &[]).await?;
    let texts = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|row| row.get(0)).collect();
    let mut violations: Vec<String> = texts(over_limit);
    for violation in session.violations().await? {
        violations.push(violation.to_string());
    }
    violations.extend(journals.faults.iter().map(|fault| format!("error {fault}")));
    Ok(Found {
        lost: texts(lost),
        doubled: texts(doubled),
        violations,
    })
}
