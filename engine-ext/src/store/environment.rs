//! Environments.

use engine_core::{Environment, EnvironmentType, Shard};

use super::statement::{Statement, arguments, statement};

static READ: Statement = statement!("environment_read.sql");

/// Those of these environments that somebody has set.
pub(crate) fn read(ids: &[&str]) -> Vec<Environment> {
    READ.query(arguments![ids.to_vec()], |cells| Environment {
        id: cells.value(),
        shard: match Shard::new(cells.value()) {
            Some(shard) => shard,
            None => unreachable!("the table checks the shard"),
        },
        kind: environment_type(&cells.value::<String>()),
        project_id: cells.nullable(),
        organization_id: cells.nullable(),
    })
}

/// A value of `engine.environment_type`.
pub(super) fn environment_type(text: &str) -> EnvironmentType {
    match EnvironmentType::parse(text) {
        Some(kind) => kind,
        None => unreachable!("the type has no other values"),
    }
}
