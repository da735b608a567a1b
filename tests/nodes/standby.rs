//! The standby of a node.

use anyhow::{Context, Result};
use engine_harness::Options;
use engine_harness::condition::eventually;

use crate::fleet::{Node, PATIENCE};

impl Node {
    /// Gives the node a standby.
    ///
    /// # Errors
    /// If one of the two servers does not start.
    pub fn replicate(&mut self, options: Options) -> Result<()> {
        self.standby = Some(self.server.standby(options)?);
        Ok(())
    }

    /// Makes the standby a synchronous one, and waits until no commit lacks it.
    ///
    /// # Errors
    /// If it does not become one in time.
    pub async fn synchronize(&self) -> Result<()> {
        let client = self.server.connect().await?;
        for statement in [
            "alter system set synchronous_standby_names = '*'",
            "select pg_reload_conf()",
        ] {
            client.batch_execute(statement).await?;
        }
        eventually("the standby is synchronous", PATIENCE, async || {
            let sql = "select count(*) from pg_stat_replication where sync_state = 'sync'";
            Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0) == 1)
        })
        .await
    }

    /// Makes the standby the primary.
    ///
    /// # Errors
    /// If there is none, or it is not promoted.
    pub async fn promote(&mut self) -> Result<()> {
        let standby = self.standby.as_mut().context("it has no standby")?;
        standby.promote().await?;
        std::mem::swap(&mut self.server, standby);
        Ok(())
    }

    /// Makes the server that has died the standby.
    ///
    /// # Errors
    /// If it is not rewound, or does not start.
    pub async fn rejoin(&mut self) -> Result<()> {
        let standby = self.standby.as_mut().context("it has no standby")?;
        standby.follow(&self.server).await
    }
}
