//! A placement: which shards are where.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::failure::Failure;

/// One more than the greatest number of a shard.
const COUNT: u16 = 36 * 36;

/// What stands for the number of a shard in a template.
const SHARD: &str = "{shard}";

/// The connection of each shard, as PgBouncer writes it.
#[derive(Debug)]
pub struct Placement(BTreeMap<u16, String>);

impl Placement {
    /// Reads lines of a shard, or of the first and the last one, and a connection: `0-31 host=node-a dbname=app`. Empty lines and
    /// those that begin with `#` say nothing.
    ///
    /// # Errors
    /// If a line cannot be read, or a shard is named twice; a connection is not repeated.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let mut placed = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = |what: &str| {
                let hint = "Write the first and the last shard and a connection: 0-31 host=node-a dbname=app.";
                Failure::usage(format!("line {}: {what}", index + 1), hint)
            };
            let (shards, connection) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| refused("it has no connection"))?;
            let (first, last) = shards.split_once('-').unwrap_or((shards, shards));
            let number = |text: &str| text.parse().ok().filter(|shard| *shard < COUNT);
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                return Err(refused("a shard is a number from 0 to 1295"));
            };
            if last < first {
                return Err(refused("the last shard comes before the first"));
            }
            let connection = destination(connection.trim_start()).map_err(|what| refused(&what))?;
            for shard in first..=last {
                if placed.insert(shard, connection.clone()).is_some() {
                    return Err(refused(&format!("shard {shard} is named before")));
                }
            }
        }
        Ok(Self(placed))
    }

    /// The first so many shards, each where a connection is with its number for `{shard}`.
    ///
    /// # Errors
    /// If the connection cannot be read, or does not name the shard.
    pub fn of_template(template: &str, count: u16) -> Result<Self, Failure> {
        let refused = |what: &str| {
            let hint = "Pass a connection with the number of the shard: --template \"host=node-{shard} dbname=app\".";
            Failure::usage(what, hint)
        };
        if !template.contains(SHARD) {
            return Err(refused("the template does not name the shard"));
        }
        let mut placed = BTreeMap::new();
        for shard in 0..count.min(COUNT) {
            let connection = named(template, shard);
            let connection = destination(&connection).map_err(|what| refused(&what))?;
            placed.insert(shard, connection);
        }
        Ok(Self(placed))
    }

    /// The shards, each with its connection.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &str)> {
        self.0
            .iter()
            .map(|(shard, connection)| (*shard, &**connection))
    }
}

/// A text with the number of a shard for `{shard}`.
pub fn named(template: &str, shard: u16) -> String {
    template.replace(SHARD, &shard.to_string())
}

/// Where a connection leads, in PgBouncer's words. It takes passwords from its own files: none is printed.
pub fn destination(connection: &str) -> Result<String, String> {
    let config: Config = connection
        .parse()
        .map_err(|_| "the connection cannot be read".to_owned())?;
    let host = match config.get_hosts() {
        [Host::Tcp(host)] => host.clone(),
        #[cfg(unix)]
        [Host::Unix(directory)] => directory.to_string_lossy().into_owned(),
        _ => return Err("a connection has one host".to_owned()),
    };
    let mut text = format!("host={}", quoted(&host));
    if let [port] = config.get_ports() {
        // Nothing fails that writes to a string.
        let _ = write!(text, " port={port}");
    }
    let Some(name) = config.get_dbname() else {
        return Err("a connection names its database".to_owned());
    };
    let _ = write!(text, " dbname={}", quoted(name));
    if let Some(user) = config.get_user() {
        let _ = write!(text, " user={}", quoted(user));
    }
    Ok(text)
}

/// A value as PgBouncer reads it: quoted if it is more than a word.
fn quoted(value: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    if !value.is_empty() && value.chars().all(is_word) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(placement: Result<Placement, Failure>) -> Option<Vec<(u16, String)>> {
        let placement = placement.ok()?;
        let lines = placement.iter();
        Some(
            lines
                .map(|(shard, text)| (shard, text.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_list_places_every_shard_once() {
        let list =
            "# two nodes\n0-1 host=a dbname=app\n\n7  postgres://jo:secret@b:6000/my%20app\n";
        let expected = [
            (0, "host=a dbname=app"),
            (1, "host=a dbname=app"),
            (7, "host=b port=6000 dbname='my app' user=jo"),
        ];
        let expected: Vec<(u16, String)> = expected
            .into_iter()
            .map(|(shard, text)| (shard, text.to_owned()))
            .collect();
        assert_eq!(lines(Placement::read(list)), Some(expected));
        for wrong in [
            "0-1",
            "1-0 host=a dbname=app",
            "1296 host=a dbname=app",
            "x host=a dbname=app",
            "0 host=a",
            "0 host=a,b dbname=app",
            "0 dbname=app",
            "0-3 host=a dbname=app\n3 host=b dbname=app",
        ] {
            assert_eq!(lines(Placement::read(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_template_names_its_shard() {
        let template = "host=node-{shard} dbname=app";
        let expected = vec![
            (0, "host=node-0 dbname=app".to_owned()),
            (1, "host=node-1 dbname=app".to_owned()),
        ];
        assert_eq!(lines(Placement::of_template(template, 2)), Some(expected));
        assert_eq!(lines(Placement::of_template("host=a dbname=app", 2)), None);
    }
}
