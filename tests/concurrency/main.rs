//! Many sessions at once.

mod beat;
mod claim;
mod claim_lock;
mod horizon;
mod limit;
mod storm;
mod wait;
