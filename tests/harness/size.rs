//! How long tests take that are as good as they are long.

use std::env;

/// Names the [`Size`] that `cargo xtask` wants.
pub const SIZE_VARIABLE: &str = "ENGINE_TEST_SIZE";

/// The form of tests that could go on for ever: soaks, storms, random histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For every change: `cargo xtask test`.
    Short,
    /// For a release: `cargo xtask trust`.
    Full,
}

impl Size {
    /// What this run of the tests is to be.
    #[must_use]
    pub fn now() -> Self {
        match env::var_os(SIZE_VARIABLE) {
            Some(size) if size == Self::Full.name() => Self::Full,
            _ => Self::Short,
        }
    }

    /// Its name in [`SIZE_VARIABLE`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Full => "full",
        }
    }

    /// The number of this form, of the two that a test names.
    pub fn of<T>(short: T, full: T) -> T {
        match Self::now() {
            Self::Short => short,
            Self::Full => full,
        }
    }
}
