//! The decisions of the run engine.
