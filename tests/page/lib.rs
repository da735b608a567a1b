//! The stage of the tests: a database, the dashboard in front of it, and a browser.

mod axe;
mod browser;
pub mod http;
mod pages;
mod stage;

pub use axe::findings;
pub use browser::{Browser, Look};
pub use pages::{CROWD, pages};
pub use stage::{Dashboard, SHOP, Stage};
