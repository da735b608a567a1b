//! One end of a move: a database, and what is done there.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;
use tokio_postgres::types::{Json, Type};

use super::goods::{Goods, Table};
use crate::failure::Failure;
use crate::session::{Parameter, Session};
use crate::statement;
use crate::table::Row;

/// Between two looks at the other end.
const PAUSE: Duration = Duration::from_millis(50);

/// How long what another session does may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Postgres waits without an end for a server that does not answer, as when a subscription is dropped.
const LONGEST_STATEMENT: Duration = Duration::from_secs(120);

/// Rows that are removed in one transaction.
const BATCH: i64 = 10_000;

/// Until the next look.
pub(super) async fn pause() {
    sleep(PAUSE).await;
}

/// What a database has of the shard.
pub(super) struct Facts {
    pub(super) state: String,
    pub(super) environment_ids: Vec<String>,
    pub(super) has_runs: bool,
    pub(super) has_subscription: bool,
    pub(super) has_publication: bool,
    pub(super) major: i64,
    pub(super) wal_level: String,
    pub(super) is_superuser: bool,
}

/// One end of a move.
pub(super) struct End {
    session: Session,
    shard: u16,
    /// Of the publication, the subscription and the slot.
    name: String,
}

impl End {
    /// What the server does not do in time fails, and is gone on with by the same command.
    pub(super) async fn new(session: Session, shard: u16) -> Result<Self, Failure> {
        let limit = format!("set statement_timeout = {}", LONGEST_STATEMENT.as_millis());
        session.batch(&limit).await?;
        session.act_throughout().await?;
        Ok(Self {
            session,
            shard,
            name: format!("engine_shard_{shard}"),
        })
    }

    pub(super) fn shard(&self) -> u16 {
        self.shard
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn number(&self) -> i32 {
        i32::from(self.shard)
    }

    /// Keeps other moves of the shard away. What a move that was killed has begun ends first.
    pub(super) async fn lock(&self) -> Result<(), Failure> {
        let parameters = [(&self.number() as _, Type::INT4)];
        let begun = Instant::now();
        loop {
            let row = self.session.row(statement::SHARD_LOCK, &parameters).await?;
            if row["is_locked"] == true {
                return Ok(());
            }
            if begun.elapsed() >= PATIENCE {
                return Err(Failure::refused(
                    format!("another session moves shard {}", self.shard),
                    "Wait until it has ended, or end it.",
                ));
            }
            pause().await;
        }
    }

    pub(super) async fn facts(&self) -> Result<Facts, Failure> {
        let parameters = [
            (&self.number() as _, Type::INT4),
            (&self.name as _, Type::TEXT),
        ];
        let row = self.session.row(statement::SHARD_END, &parameters).await?;
        Ok(Facts {
            // Above 63 a shard is served only if that is on record.
            state: row["state"].as_str().unwrap_or("AWAY").to_owned(),
            environment_ids: texts(&row["environment_ids"]),
            has_runs: row["has_runs"] == true,
            has_subscription: row["has_subscription"] == true,
            has_publication: row["has_publication"] == true,
            major: row["major"].as_i64().unwrap_or_default(),
            wal_level: row["wal_level"].as_str().unwrap_or_default().to_owned(),
            is_superuser: row["is_superuser"] == true,
        })
    }

    /// Refuses environments of the source that are of another shard here.
    pub(super) async fn check_environments(&self, source: &Facts) -> Result<(), Failure> {
        let parameters = [
            (&self.number() as _, Type::INT4),
            (&source.environment_ids as _, Type::TEXT_ARRAY),
        ];
        let rows = self
            .session
            .rows(statement::SHARD_FOREIGN_ENVIRONMENT, &parameters)
            .await?;
        match rows.first() {
            None => Ok(()),
            Some(row) => Err(Failure::refused(
                format!(
                    "the other database has the environment {} on shard {}",
                    row["id"], row["shard"]
                ),
                "An environment lives on one shard. Archive it there, or move to another database.",
            )),
        }
    }

    pub(super) async fn size(&self) -> Result<Row, Failure> {
        let parameters = [(&self.number() as _, Type::INT4)];
        self.session.row(statement::SHARD_SIZE, &parameters).await
    }

    /// The only row of a statement whose parameters are texts.
    pub(super) async fn asked(&self, statement: &str, texts: &[&str]) -> Result<Row, Failure> {
        let parameters: Vec<Parameter<'_>> =
            texts.iter().map(|text| (text as _, Type::TEXT)).collect();
        self.session.row(statement, &parameters).await
    }

    /// Sets what this database does with the shard.
    pub(super) async fn set(&self, state: &str, place: Option<&str>) -> Result<(), Failure> {
        let parameters = [
            (&self.number() as _, Type::INT4),
            (&state as _, Type::TEXT),
            (&place as _, Type::TEXT),
        ];
        self.session
            .act_once(statement::SHARD_SET, &parameters)
            .await?;
        Ok(())
    }

    /// Removes what there is of the shard, a part at a time; its environments stay.
    pub(super) async fn clear(&self, goods: &Goods) -> Result<(), Failure> {
        for table in goods.tables() {
            let Table { name, .. } = table;
            let delete = format!(
                "delete from engine.{name} where ctid = any (array( \
                 select t.ctid from engine.{name} as t where {} limit {BATCH}))",
                table.condition(self.shard)
            );
            while self.session.execute(&delete, &[]).await? > 0 {}
        }
        Ok(())
    }

    /// Rows of a table as documents.
    pub(super) async fn read(&self, table: &Table) -> Result<Value, Failure> {
        let read = format!(
            "select jsonb_build_object('rows', coalesce(jsonb_agg(to_jsonb(t)), '[]')) as row \
             from engine.{} as t where {}",
            table.name,
            table.condition(self.shard)
        );
        let mut row = self.session.row(&read, &[]).await?;
        Ok(row.remove("rows").unwrap_or_default())
    }

    /// Writes rows in place of those that are there.
    pub(super) async fn write(&self, table: &Table, rows: &Value) -> Result<(), Failure> {
        let Table { name, columns, .. } = table;
        let delete = format!(
            "delete from engine.{name} as t where {}",
            table.condition(self.shard)
        );
        self.session.execute(&delete, &[]).await?;
        let insert = format!(
            "insert into engine.{name} ({columns}) \
             select {columns} from jsonb_populate_recordset(null::engine.{name}, $1)"
        );
        let parameters = [(&Json(rows) as _, Type::JSONB)];
        self.session.execute(&insert, &parameters).await?;
        Ok(())
    }
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}
