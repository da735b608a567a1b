//! What an error says about the place of a shard.

use super::{Cause, Error, ErrorKind};

impl Error {
    /// The shard that is elsewhere, and its place if the database that was called knows it (`RE020`).
    pub(crate) fn elsewhere(&self) -> Option<(u16, Option<&str>)> {
        if self.kind() != ErrorKind::ShardElsewhere {
            return None;
        }
        let report = self.as_db_error();
        let message = match &self.0.cause {
            Cause::Refused(_, message) => message,
            _ => report?.message(),
        };
        let place = report.and_then(|report| place_in(report.detail()?));
        Some((shard_in(message)?, place))
    }

    /// Whether another node of a cluster may have what the call was about.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::UnknownEnvironment | ErrorKind::ShardElsewhere
        )
    }
}

/// The number in `shard 7 is not here`.
fn shard_in(message: &str) -> Option<u16> {
    let number = message.strip_prefix("shard ")?.split(' ').next()?;
    number.parse().ok()
}

/// The place in `It is at "node-b".`
fn place_in(detail: &str) -> Option<&str> {
    let (first, last) = (detail.find('"')?, detail.rfind('"')?);
    detail.get(first + 1..last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_shard_that_is_elsewhere() {
        let error = Error::refused("RE020", "shard 41 is not here".to_owned());
        assert_eq!(error.elsewhere(), Some((41, None)));
        let moving = Error::refused("RE021", "shard 41 is being moved".to_owned());
        assert_eq!(moving.elsewhere(), None);
        assert_eq!(shard_in("nothing"), None);
    }

    #[test]
    fn the_place_is_between_the_outer_quotes() {
        assert_eq!(place_in("It is at \"node-b\"."), Some("node-b"));
        assert_eq!(place_in("It is at \"a \"b\" c\"."), Some("a \"b\" c"));
        assert_eq!(place_in("Element 1: It is at \"b\"."), Some("b"));
        assert_eq!(place_in("It is somewhere."), None);
        assert_eq!(place_in("It is \" here."), None);
    }
}
