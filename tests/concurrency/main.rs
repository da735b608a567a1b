//! Many sessions at once.

mod beat;
mod claim;
mod entrance;
mod version;
