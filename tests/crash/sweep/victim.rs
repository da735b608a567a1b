//! What is killed.

use rand::RngExt;
use rand::rngs::StdRng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// A session, at the point that has this number from now on.
    Point(u32),
    /// A session, at any moment.
    Session,
    /// A client process.
    Client,
    BackgroundWorker,
    Postmaster,
}

impl Victim {
    pub fn choose(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            // The first points of a call are those of every call.
            0..34 => Self::Point(rng.random_range(1..=12)),
            34..48 => Self::Session,
            48..84 => Self::Client,
            84..91 => Self::BackgroundWorker,
            _ => Self::Postmaster,
        }
    }

    /// Its name in the table; points have names of their own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Point(_) => "a session at a point",
            Self::Session => "any session",
            Self::Client => "a client",
            Self::BackgroundWorker => "the background worker",
            Self::Postmaster => "the server",
        }
    }
}

/// The name of a point in the table: what the server's log says of it, without the statement.
pub fn point(line: &str) -> Option<String> {
    let (call, name) = line.strip_prefix("crash: ")?.split_once(' ')?;
    let name = match name {
        "before its commit" | "after its commit" => name,
        _ => "before a statement or a row",
    };
    Some(format!("{call}: {name}"))
}
