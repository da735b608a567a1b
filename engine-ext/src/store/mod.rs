//! The only room that touches SPI. It executes the files of `sql/statement` and gives back owned rows.

mod format;
pub(crate) mod planner;
mod statement;

pub(crate) mod attempt;
pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod claim;
pub(crate) mod delay;
pub(crate) mod due;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod expiry;
pub(crate) mod extension;
pub(crate) mod fit;
pub(crate) mod heartbeat;
pub(crate) mod hold;
pub(crate) mod kept;
pub(crate) mod lane;
pub(crate) mod length;
pub(crate) mod limit;
mod low_water;
pub(crate) mod machine;
pub(crate) mod mutex;
pub(crate) mod notice;
pub(crate) mod observe;
pub(crate) mod options;
pub(crate) mod parked;
mod position;
pub(crate) mod procedure;
pub(crate) mod release;
pub(crate) mod reservation;
pub(crate) mod run;
pub(crate) mod saturation;
pub(crate) mod schedule;
pub(crate) mod tick;
pub(crate) mod timer;
pub(crate) mod transition;
pub(crate) mod trigger;
pub(crate) mod trigger_key;
pub(crate) mod wait;
pub(crate) mod waitpoint;
pub(crate) mod worker;

pub(crate) use low_water::has_written;
