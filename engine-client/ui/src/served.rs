//! What all requests share.

use crate::guard::Guard;
use crate::hub::Hub;
use crate::options::Options;
use crate::pool::Pool;
use crate::redact::Redactor;

/// What all requests share.
pub(crate) struct Served {
    pub(crate) options: Options,
    pub(crate) pool: Pool,
    pub(crate) guard: Guard,
    pub(crate) redactor: Redactor,
    pub(crate) hub: Hub,
    /// Whether it listens on this machine only.
    pub(crate) is_local: bool,
}
