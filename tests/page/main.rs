//! The dashboard in a real browser.

mod acting;
mod guarding;
mod inert;
mod looking;
mod reading;
mod watching;
