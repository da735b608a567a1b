//! One call: a function of the catalog with mostly sane arguments.

use anyhow::Result;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::catalog::Function;
use crate::datum::brief;
use crate::sane::{Sane, spoil};
use crate::wild;

/// The functions of a run's usual path: called more often than the others, and mostly as intended, so that every state
/// occurs.
const WAYS: &[&str] = &[
    "engine_trigger",
    "engine_trigger_many",
    "engine_dequeue",
    "engine_dequeue",
    "engine_start_attempt",
    "engine_start_attempt",
    "engine_start_many",
    "engine_complete_attempt",
    "engine_complete_many",
    "engine_block",
    "engine_create_checkpoint",
    "engine_continue",
    "engine_continue",
    "engine_complete_waitpoint",
    "engine_create_manual_waitpoint",
    "engine_create_batch",
    "engine_add_to_batch",
    "engine_tick",
];

/// A call.
pub struct Call {
    pub function: String,
    pub sql: String,
    /// The call with long values truncated.
    pub brief: String,
}

impl Call {
    /// A random call.
    ///
    /// # Errors
    /// If a parameter is of a type that the fuzzer does not know.
    pub fn random(functions: &[Function], sane: &Sane<'_>, random: &mut StdRng) -> Result<Self> {
        let is_on_its_way = random.random_bool(0.4);
        let named = is_on_its_way
            .then(|| WAYS.choose(random))
            .flatten()
            .and_then(|name| functions.iter().find(|function| function.name == *name));
        let Some(function) = named.or_else(|| functions.choose(random)) else {
            unreachable!("the extension has functions");
        };
        let spoilt = if is_on_its_way {
            0.02
        } else {
            *[0.0, 0.1, 0.3, 0.9].choose(random).unwrap_or(&0.0)
        };
        Self::of(function, sane, spoilt, random)
    }

    /// A call of `function` whose arguments are each spoilt with the chance `spoilt`.
    fn of(function: &Function, sane: &Sane<'_>, spoilt: f64, random: &mut StdRng) -> Result<Self> {
        let subject = sane.subject(random);
        let (mut whole, mut short) = (Vec::new(), Vec::new());
        for parameter in &function.parameters {
            // With the shard of all runs away every other call would be refused.
            let is_sane = (&*function.name, &*parameter.name) == ("engine_set_shard", "shard");
            let is_spoilt = random.random_bool(spoilt) && !is_sane;
            let is_given = match parameter.name.as_str() {
                // Most runs have no parent, and no version.
                "parent_run_id" | "batch_id" | "version" | "worker_version" | "archived" => 0.04,
                "environment_id" => 0.3,
                _ => 0.25,
            };
            if parameter.has_default && !is_spoilt && !random.random_bool(is_given) {
                continue;
            }
            let known = sane.datum(&function.name, &parameter.name, &subject, random);
            let datum = match known {
                Some(datum) if is_spoilt => spoil(datum, &parameter.kind, random)?,
                Some(datum) => datum,
                None => wild::datum(&parameter.kind, random)?,
            };
            let value = datum.sql(&parameter.kind);
            short.push(format!("{} => {}", parameter.name, brief(&value)));
            whole.push(format!("{} => {value}", parameter.name));
        }
        let verb = if function.is_procedure {
            "call"
        } else {
            "select * from"
        };
        let call =
            |arguments: &[String]| format!("{verb} {}({})", function.name, arguments.join(", "));
        Ok(Self {
            function: function.name.clone(),
            sql: call(&whole),
            brief: call(&short),
        })
    }
}
