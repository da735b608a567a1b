//! The result for one file.

use serde::{Deserialize, Serialize};

/// What a run returns.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// In hexadecimal digits.
    pub sha256: String,
    pub bytes: u64,
    /// Line feeds.
    pub lines: u64,
    /// Stretches of bytes that are not white space.
    pub words: u64,
}
