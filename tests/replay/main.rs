//! The models of the state machine drive a real server: the ways that they find are calls here, and after each of them the
//! server must be where the model is.
//!
//! The ways are the shortest one to every distinct change, random walks, and the counter-examples of the models' deliberate
//! faults. The models themselves are those of the core's tests: their rooms are read from there.

#[path = "../../engine-ext/core/tests/model/row.rs"]
mod row;
#[path = "../../engine-ext/core/tests/model/settings.rs"]
mod settings;

mod call;
mod family;
mod find;
mod played;
mod run;
mod seen;
mod stage;
mod trial;
mod way;
