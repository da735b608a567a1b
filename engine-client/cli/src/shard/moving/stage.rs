//! How far a move has come, as both ends show it.

use super::Moving;
use super::end::Facts;
use crate::failure::Failure;
use crate::shard::right::Rights;
use crate::shard::version::same_version;

/// Row filters of publications came with it.
const OLDEST_MAJOR: i64 = 15;

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is copied that could be gone on with.
    Fresh,
    /// The target copies the tables, or follows them.
    Begun,
    /// The target serves the shard; what the source has of it is left over.
    Served,
    /// Nothing is left over.
    Done,
}

impl Moving {
    /// Checks both ends, and keeps others from moving the shard.
    pub(super) async fn check(&self) -> Result<Stage, Failure> {
        self.source.lock().await?;
        self.target.lock().await?;
        let (here, there) = (self.source.session(), self.target.session());
        same_version(here, there).await?;
        let (source, target) = (self.source.facts().await?, self.target.facts().await?);
        check_server(&source, "this server")?;
        check_server(&target, "the other server")?;
        if source.wal_level != "logical" {
            return Err(Failure::refused(
                "this server writes no WAL that can be followed",
                "Set wal_level = logical, and restart it.",
            ));
        }
        self.target.check_environments(&source).await?;
        let rights = Rights::of(here, &source.environment_ids).await?;
        rights.check_roles(there).await?;
        self.stage(&source, &target)
    }

    fn stage(&self, source: &Facts, target: &Facts) -> Result<Stage, Failure> {
        let shard = self.source.shard();
        match (&*source.state, &*target.state) {
            ("SERVING", "AWAY") | ("MOVING", "AWAY") if target.has_subscription => Ok(Stage::Begun),
            ("SERVING", "AWAY") | ("MOVING", "AWAY") => Ok(Stage::Fresh),
            // Without a record the other database would serve the shard, and has nothing of it.
            ("SERVING", "SERVING") if !target.has_runs && target.environment_ids.is_empty() => {
                Ok(Stage::Fresh)
            }
            ("MOVING", "SERVING") => Ok(Stage::Served),
            ("AWAY", "SERVING")
                if source.has_runs || source.has_publication || target.has_subscription =>
            {
                Ok(Stage::Served)
            }
            ("AWAY", "SERVING") => Ok(Stage::Done),
            (here, there) => Err(Failure::refused(
                format!("shard {shard} is {here} here and {there} there"),
                "A shard is moved from the database that serves it to one that has nothing of it.",
            )),
        }
    }
}

fn check_server(facts: &Facts, which: &str) -> Result<(), Failure> {
    if facts.major < OLDEST_MAJOR {
        return Err(Failure::refused(
            format!("{which} is PostgreSQL {}", facts.major),
            "Shards move between servers of 15 and newer: rows of one shard cannot be published before.",
        ));
    }
    if !facts.is_superuser {
        return Err(Failure::refused(
            format!("the role is no superuser on {which}"),
            "Publications of an extension's tables, and subscriptions, take one.",
        ));
    }
    Ok(())
}
