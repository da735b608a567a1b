//! The duration of tests that prove more the longer they run.

use std::env;

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

    /// The number for this form, of the two that a test names.
    pub fn of<T>(short: T, full: T) -> T {
        match Self::now() {
            Self::Short => short,
            Self::Full => full,
        }
    }
}
