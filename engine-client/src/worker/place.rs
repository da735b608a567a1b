//! Where a worker works.

use crate::{Cluster, Database, Error};

/// Where a worker works.
#[derive(Debug)]
pub(super) enum Place {
    Database(Box<Database>),
    Cluster(Cluster),
}

impl Place {
    /// The databases, with the names of the nodes; that of a single database is empty.
    pub(super) fn nodes(&self) -> Result<Vec<(String, Database)>, Error> {
        let nodes: Vec<_> = match self {
            Self::Database(database) => return Ok(vec![(String::new(), (**database).clone())]),
            Self::Cluster(cluster) if cluster.is_routed() => {
                return Err(Error::setup(
                    "a worker needs a placement that has the nodes",
                ));
            }
            Self::Cluster(cluster) => cluster.databases().collect(),
        };
        if nodes.is_empty() {
            return Err(Error::setup("the cluster has no nodes"));
        }
        let nodes = nodes.into_iter();
        Ok(nodes
            .map(|(name, database)| (name.to_owned(), database.clone()))
            .collect())
    }

    /// Where calls about runs go whose shard has moved.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Database(_) => None,
            Self::Cluster(cluster) => Some(cluster),
        }
    }
}
