//! Roles that mean harm: what they put in front of a call, set, write into its texts or hold while it lasts changes nothing for
//! others, and gives them nothing.

mod name;
mod session;
mod setting;
mod signal;
mod text;

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};

/// A life of a run as its worker sees it: statuses and the output, in the order of the calls.
const LIFE: &str = "
    do $$
    declare
        held record;
        said text[] := '{}';
    begin
        select * into strict held from engine_trigger('t', '{\"n\": 1}', environment_id => 'own', tags => array['a', 'b'],
            metadata => '{\"x\": [1.5, null]}', queue => 'q', worker_queue => 'own', ttl => '1h');
        said := said || held.execution_status;
        select * into strict held from engine_dequeue('own');
        said := said || held.execution_status || held.payload || held.tags::text || held.metadata::text;
        select * into strict held from engine_start_attempt(held.run_id, held.snapshot_id);
        said := said || held.execution_status || held.heartbeat_ms::text;
        perform engine_heartbeat(held.run_id, held.snapshot_id);
        select * into strict held from engine_succeed(held.run_id, held.snapshot_id, '[1.5]');
        said := said || held.run_status;
        select * into strict held from engine_run_result(held.run_id);
        perform set_config('hostile.said', array_to_string(said || held.output || held.usage_duration_ms::text, ' '), false);
    end $$";

/// A role that may do everything in the environment `own`, and create things in the schema `trap`.
struct Hostile {
    database: Database,
    owner: Session,
    role: String,
}

impl Hostile {
    async fn new() -> Result<Self> {
        let database = Database::fresh().await?;
        let owner = Session::open(&database).await?;
        let name = database.name();
        let id = name.bytes().fold(0_u64, |id, byte| {
            id.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let role = format!("hostile_{id}");
        let grants = ["trigger", "work", "wait", "read", "operate"]
            .map(|of| format!("select engine_grant('{role}', '{of}', 'own');"))
            .concat();
        let sql = format!(
            "create role {role}; create schema trap authorization {role}; grant temporary on database \"{name}\" to {role}; \
             select engine_set_environment('own'); select engine_set_environment('theirs'); {grants}"
        );
        owner.client.batch_execute(&sql).await?;
        owner
            .trigger_with("'t', environment_id => 'theirs', worker_queue => 'theirs'")
            .await?;
        Ok(Self {
            database,
            owner,
            role,
        })
    }

    /// A session of the role.
    async fn session(&self) -> Result<Session> {
        let session = Session::open(&self.database).await?;
        let set = format!("set role {}", self.role);
        session.client.batch_execute(&set).await?;
        Ok(session)
    }

    /// What a life of a run looks like in a session.
    async fn life(session: &Session) -> Result<String> {
        session.client.batch_execute(LIFE).await?;
        let said = "select current_setting('hostile.said')";
        Ok(session.client.query_one(said, &[]).await?.get(0))
    }

    /// Nothing of the others has changed, and everything fits together.
    async fn end(self) -> Result<()> {
        let theirs =
            "engine.run_overview where environment_id = 'theirs' and execution_status = 'QUEUED'";
        ensure!(self.owner.count(theirs).await? == 1);
        self.owner.check().await?;
        let drop = format!("drop owned by {0} cascade; drop role {0}", self.role);
        Ok(self.owner.client.batch_execute(&drop).await?)
    }
}

/// The SQLSTATE of a statement; empty if it succeeds.
async fn code(session: &Session, sql: &str) -> Result<String> {
    match session.client.batch_execute(sql).await {
        Ok(()) => Ok(String::new()),
        Err(error) => {
            let error = error.as_db_error().context("the server is gone")?;
            Ok(error.code().code().to_owned())
        }
    }
}
