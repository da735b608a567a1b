//! A line of the tables at the end.

use std::fmt::{self, Display, Formatter};

pub fn line(f: &mut Formatter, name: &str, value: impl Display, note: &str) -> fmt::Result {
    let value = value.to_string();
    let line = format!("{name:<18}{value:>10}   {note}");
    writeln!(f, "{}", line.trim_end())
}
