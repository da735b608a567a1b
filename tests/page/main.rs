//! The dashboard in a real browser.

mod acting;
mod changing;
mod crowd;
mod filtering;
mod guarding;
mod inert;
mod listing;
mod looking;
mod many;
mod reading;
mod standby;
mod watching;
