//! Which shards are where, as a cluster is told when it begins.

use crate::{Database, Error};

/// Number of shards that there can be: as many as two base-36 characters name.
pub(crate) const SHARD_COUNT: u16 = 36 * 36;

/// What stands for the number of a shard in a template.
const SHARD: &str = "{shard}";

/// Which shards are where. A [`Cluster`](crate::Cluster) begins with it and corrects it by what the nodes answer, so that it
/// may be old; a shard that it does not name is looked for.
///
/// ```
/// # fn main() -> Result<(), engine_client::Error> {
/// use engine_client::Placement;
///
/// let placement = Placement::new()
///     .node("node-a", "host=a.example.org dbname=app".parse()?, 0..=31)
///     .node("node-b", "host=b.example.org dbname=app".parse()?, 32..=63);
/// # drop(placement);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Placement {
    pub(super) nodes: Vec<PlacedNode>,
    /// Whether a pooler says where shards are: then a node's answer about that changes nothing.
    pub(super) is_routed: bool,
}

/// A node, and the shards that it is believed to serve.
#[derive(Debug, Clone)]
pub(super) struct PlacedNode {
    pub(super) name: String,
    pub(super) database: Database,
    pub(super) shards: Vec<u16>,
}

impl Placement {
    /// A placement without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node. `name` is the `place` that `engine_set_shard` has on record for its shards in other databases. A shard,
    /// from 0 to 1295, that is named twice is at the later node.
    pub fn node(
        mut self,
        name: impl Into<String>,
        database: Database,
        shards: impl IntoIterator<Item = u16>,
    ) -> Self {
        self.nodes.push(PlacedNode {
            name: name.into(),
            database,
            shards: shards.into_iter().collect(),
        });
        self
    }

    /// The database of each of these shards behind a pooler that knows where they are, such as PgBouncer with the map that
    /// `engine router` prints: `connection` is a connection string with the number of the shard for `{shard}`. A connection is
    /// opened for each shard that is called. A [`Worker`](crate::Worker) needs the nodes themselves.
    ///
    /// ```
    /// # fn main() -> Result<(), engine_client::Error> {
    /// use engine_client::Placement;
    ///
    /// let placement = Placement::routed("host=pooler port=6432 dbname=engine_{shard}", 0..64)?;
    /// # drop(placement);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Setup`](crate::ErrorKind::Setup) if `connection` does not name the shard,
    /// [`Serialization`](crate::ErrorKind::Serialization) if it cannot be read.
    pub fn routed(connection: &str, shards: impl IntoIterator<Item = u16>) -> Result<Self, Error> {
        if !connection.contains(SHARD) {
            return Err(Error::setup("the connection does not name its {shard}"));
        }
        let mut placement = Self::new();
        for shard in shards {
            let database = connection.replace(SHARD, &shard.to_string()).parse()?;
            placement = placement.node(shard.to_string(), database, [shard]);
        }
        placement.is_routed = true;
        Ok(placement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_routed_shard_has_a_database_of_its_own() {
        let placement = Placement::routed("host=p dbname=engine_{shard}", [0, 41]).unwrap();
        let databases: Vec<String> = placement
            .nodes
            .iter()
            .map(|node| format!("{:?}", node.database))
            .collect();
        assert!(databases[0].contains("engine_0"), "{databases:?}");
        assert!(databases[1].contains("engine_41"), "{databases:?}");
        for (wrong, kind) in [
            ("host=p dbname=engine", ErrorKind::Setup),
            ("port={shard}x", ErrorKind::Serialization),
        ] {
            let error = Placement::routed(wrong, [0]).unwrap_err();
            assert_eq!(error.kind(), kind, "{wrong}");
        }
    }
}
