//! A thin driver for the run engine.
