//! Rights by capability and environment: a grant lets a role do this, and nothing else.

mod audit;
mod capability;
mod known_run;
mod operate;
mod owner;
mod relation;
mod tenant;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use engine_harness::Session;

/// A role of one test. Roles belong to the server, so their names hold that of the database.
struct Role {
    name: String,
}

impl Role {
    async fn create(session: &Session, kind: &str) -> Result<Self> {
        let row = session.client.query_one("select current_database()", &[]);
        let database: String = row.await?.get(0);
        let id = database.bytes().fold(0_u64, |id, byte| {
            id.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let name = format!("{kind}_{id}");
        let create = format!("create role {name}");
        session.client.batch_execute(&create).await?;
        Ok(Self { name })
    }

    async fn granted(&self, session: &Session, capability: &str, environment: &str) -> Result<()> {
        let sql = format!(
            "select engine_grant('{}', '{capability}', '{environment}')",
            self.name
        );
        Ok(session.client.batch_execute(&sql).await?)
    }

    async fn deprived(&self, session: &Session, capability: &str, environment: &str) -> Result<()> {
        let sql = format!(
            "select engine_revoke('{}', '{capability}', '{environment}')",
            self.name
        );
        Ok(session.client.batch_execute(&sql).await?)
    }

    /// The answer to a statement of this role: its rows, or SQLSTATE and message of its error. It is rolled back.
    async fn answer(
        &self,
        session: &Session,
        sql: &str,
    ) -> Result<Result<Vec<String>, [String; 2]>> {
        let begin = format!("begin; set local role {}", self.name);
        session.client.batch_execute(&begin).await?;
        let answer = session.client.simple_query(sql).await;
        session.client.batch_execute("rollback").await?;
        match answer {
            Ok(messages) => Ok(Ok(messages
                .iter()
                .filter_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => Some(
                        (0..row.len())
                            .map(|index| row.get(index).unwrap_or("null"))
                            .collect::<Vec<_>>()
                            .join(" "),
                    ),
                    _ => None,
                })
                .collect())),
            Err(error) => {
                let error = error.as_db_error().context("the server is gone")?;
                Ok(Err([
                    error.code().code().to_owned(),
                    error.message().to_owned(),
                ]))
            }
        }
    }

    /// Whether a statement of this role changes a run, or its deadline.
    async fn changes_runs(&self, session: &Session, sql: &str) -> Result<bool> {
        let state = "select md5(string_agg(s::text || coalesce(h::text, ''), ',' order by s.run_id)) \
                     from engine.run_state as s left join engine.heartbeat as h on h.run_id = s.run_id";
        let before: String = session.client.query_one(state, &[]).await?.get(0);
        let begin = format!("begin; set local role {}", self.name);
        session.client.batch_execute(&begin).await?;
        let is_done = session.client.batch_execute(sql).await.is_ok();
        let mut after = before.clone();
        if is_done {
            session.client.batch_execute("reset role").await?;
            after = session.client.query_one(state, &[]).await?.get(0);
        }
        session.client.batch_execute("rollback").await?;
        Ok(before != after)
    }

    /// The SQLSTATE of a statement of this role; empty for one that succeeds.
    async fn code(&self, session: &Session, sql: &str) -> Result<String> {
        Ok(match self.answer(session, sql).await? {
            Ok(_) => String::new(),
            Err([code, _]) => code,
        })
    }

    async fn drop(self, session: &Session) -> Result<()> {
        let drop = format!("drop owned by {0}; drop role {0}", self.name);
        Ok(session.client.batch_execute(&drop).await?)
    }
}

/// The functions of the extension, each with the names and types of its parameters.
async fn functions(session: &Session) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let sql = "select p.proname::text, p.proargnames[1:p.pronargs], \
                      array(select t::regtype::text from unnest(p.proargtypes::oid[]) with ordinality as u(t, o) order by o) \
               from pg_proc as p \
               join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension as x on x.oid = d.refobjid and x.extname = 'engine'";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let names: Option<Vec<String>> = row.get(1);
            let types: Vec<String> = row.get(2);
            let named = names.unwrap_or_default().into_iter().zip(types);
            (row.get(0), named.collect())
        })
        .collect())
}
