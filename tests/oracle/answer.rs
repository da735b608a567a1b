//! The answer of a call, on either side.

use engine_core::{Refusal, Timestamp};
use serde_json::Value;

/// The rows that a call returns, as JSON objects, or its refusal.
pub type Answer = Result<Vec<Value>, Refused>;

/// A refusal, as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub code: String,
    pub message: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.sqlstate().to_owned(),
            message: refusal.message(),
        }
    }
}

/// Compares the server's answer with the oracle's; the oracle omits columns that repeat the caller's arguments.
///
/// # Errors
/// Where they differ.
pub fn compare(server: &Answer, oracle: &Answer) -> Result<(), String> {
    let differ = || format!("the server answers {server:?}, the oracle {oracle:?}");
    match (server, oracle) {
        (Ok(server), Ok(oracle)) if server.len() == oracle.len() => {
            for (server, oracle) in server.iter().zip(oracle) {
                let Some(columns) = oracle.as_object() else {
                    return Err(differ());
                };
                for (column, value) in columns {
                    if read(column, &server[column]) != read(column, value) {
                        return Err(format!("\"{column}\" differs: {}", differ()));
                    }
                }
            }
            Ok(())
        }
        (Err(server), Err(oracle)) if server == oracle => Ok(()),
        _ => Err(differ()),
    }
}

/// A value by its meaning: moments have several notations.
fn read(column: &str, value: &Value) -> Value {
    let moment = value.as_str().filter(|_| column.ends_with("_at"));
    match moment.and_then(Timestamp::parse_rfc3339) {
        Some(moment) => moment.micros().into(),
        None => value.clone(),
    }
}
