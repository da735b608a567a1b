//! The duration of tests that prove more the longer they run.

use std::env;

use crate::progress::tell;

/// Names the [`Size`] that `cargo xtask` requests.
pub const SIZE_VARIABLE: &str = "ENGINE_TEST_SIZE";

/// The form of tests that could run indefinitely: soaks, storms, random histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For every change: `cargo xtask test`.
    Short,
    /// For a release: `cargo xtask trust`.
    Full,
}

impl Size {
    /// The form of this test run.
    #[must_use]
    pub fn now() -> Self {
        match env::var_os(SIZE_VARIABLE) {
            Some(size) if size == Self::Full.name() => Self::Full,
            _ => Self::Short,
        }
    }

    /// The form's name in [`SIZE_VARIABLE`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Full => "full",
        }
    }
}

/// A number that makes a test longer, in both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    what: &'static str,
    short: u64,
    full: u64,
}

impl Scale {
    /// How many of `what` there are in the short form and in the full one.
    #[must_use]
    pub const fn new(what: &'static str, short: u64, full: u64) -> Self {
        Self { what, short, full }
    }

    /// The number of this test run. It is printed with that of the other form, even if the test passes.
    #[must_use]
    pub fn pick(self) -> u64 {
        let Self { what, short, full } = self;
        let (number, other) = match Size::now() {
            Size::Short => (short, format!("{full} in `cargo xtask trust`")),
            Size::Full => (full, format!("{short} in `cargo xtask test`")),
        };
        tell(format!("{number} {what} ({other})"));
        number
    }
}
