//! Environments: the tenants of the engine.

use crate::{EnvironmentType, Shard};

/// What a new run takes over from its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: String,
    /// Where it lives.
    pub shard: Shard,
    /// Its kind.
    pub kind: EnvironmentType,
    /// The project it belongs to.
    pub project_id: Option<String>,
    /// The organization it belongs to.
    pub organization_id: Option<String>,
}

impl Environment {
    /// The id of the environment that exists although nobody has set it.
    pub const DEFAULT_ID: &'static str = "default";

    /// That environment, as long as nobody sets it to something else.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            id: Self::DEFAULT_ID.to_owned(),
            shard: Shard::default(),
            kind: EnvironmentType::Production,
            project_id: None,
            organization_id: None,
        }
    }
}
