//! The dashboard in a real browser.

mod reading;
