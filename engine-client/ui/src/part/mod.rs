//! What pages share.

pub(crate) mod chart;
pub(crate) mod command;
pub(crate) mod fault_page;
pub(crate) mod file;
pub(crate) mod form;
pub(crate) mod layout;
pub(crate) mod lines;
pub(crate) mod status;
pub(crate) mod symbol;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod value;
pub(crate) mod verdict;

pub(crate) use self::layout::{Frame, Page};
