//! Many sessions at once.

mod beat;
mod claim;
mod limit;
mod storm;
mod wait;
