//! Many sessions at once.

mod beat;
mod claim;
mod limit;
mod wait;
