//! Ids of runs, waitpoints, batches, checkpoints and bulk actions: they end in their shard.

use crate::shard::{mint_on, shard_of};
use crate::{Refusal, Shard};

/// Most characters of an id chosen by a caller.
const MAX_CHOSEN_LENGTH: usize = 64;

macro_rules! entity_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Reads an id, bare or as `", $prefix, "<id>`. Any text is an id; most name nothing.")]
            #[must_use]
            pub fn parse(text: &str) -> Self {
                Self(text.strip_prefix($prefix).unwrap_or(text).to_owned())
            }

            /// Makes an id on `shard` from a fresh cuid.
            #[must_use]
            pub fn mint(cuid: &str, shard: Shard) -> Self {
                Self(mint_on(cuid, shard))
            }

            /// The shard that the id names; 0 for an id that the engine did not mint.
            #[must_use]
            pub fn shard(&self) -> Shard {
                shard_of(&self.0)
            }

            /// The bare id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id as users see it.
            #[must_use]
            pub fn friendly(&self) -> String {
                format!(concat!($prefix, "{}"), self.0)
            }
        }
    };
}

entity_id! {
    /// A run's id, without its prefix.
    RunId, "run_"
}

entity_id! {
    /// A waitpoint's id, without its prefix.
    WaitpointId, "waitpoint_"
}

entity_id! {
    /// A batch's id, without its prefix.
    BatchId, "batch_"
}

entity_id! {
    /// A checkpoint's id, without its prefix.
    CheckpointId, "checkpoint_"
}

entity_id! {
    /// A bulk action's id, without its prefix.
    BulkId, "bulk_"
}

impl RunId {
    /// An id that a caller chose for a new run on `shard`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] if it is empty, too long, has characters other than letters, digits, `_` and `-`, or names
    /// another shard.
    pub fn choose(text: &str, shard: Shard) -> Result<Self, Refusal> {
        let id = Self::parse(text);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.0.is_empty() || id.0.len() > MAX_CHOSEN_LENGTH || !id.0.bytes().all(legal) {
            return Err(Refusal::invalid(
                "run_id",
                format!("\"{text}\" is not an id."),
                "Pass 1 to 64 letters, digits, \"_\" or \"-\", or omit it.",
            ));
        }
        if id.shard() != shard {
            return Err(Refusal::invalid(
                "run_id",
                format!(
                    "\"{text}\" names shard {}, its environment lives on shard {}: its ids have 25 characters, the last two \
                     of them \"{}\".",
                    id.shard().number(),
                    shard.number(),
                    shard.suffix()
                ),
                "Leave the id out: the engine makes one that fits.",
            ));
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUID: &str = "cmibtzv1k0000abcd12345678";

    #[test]
    fn an_id_says_its_shard_and_is_the_same_with_its_prefix() {
        let shard = Shard::new(37).unwrap();
        let id = WaitpointId::mint("cmibtzv1k0000abcd12345678", shard);
        assert_eq!(id.shard(), shard);
        assert_eq!(id.as_str(), "cmibtzv1k0000abcd12345611");
        assert_eq!(WaitpointId::parse(&id.friendly()), id);
        assert_eq!(BatchId::parse("b").friendly(), "batch_b");
        assert_eq!(CheckpointId::parse("k").shard(), Shard::FIRST);
    }

    #[test]
    fn a_run_id_says_its_shard() {
        for number in [0, 1, 35, 36, 1295] {
            let shard = Shard::new(number).unwrap();
            let id = RunId::mint(CUID, shard);
            assert_eq!(id.as_str().len(), 25);
            assert_eq!(id.shard(), shard);
        }
        assert_eq!(Shard::new(1296), None);
    }

    #[test]
    fn a_prefix_is_the_same_id() {
        assert_eq!(RunId::parse("run_1234"), RunId::parse("1234"));
        assert_eq!(RunId::parse("1234").friendly(), "run_1234");
    }

    #[test]
    fn a_chosen_id_lives_where_its_environment_lives() {
        let one = Shard::new(1).unwrap();
        assert!(RunId::choose("run_1234", Shard::FIRST).is_ok());
        assert!(RunId::choose("run_1234", one).is_err());
        assert!(RunId::choose(RunId::mint(CUID, one).as_str(), one).is_ok());
        for bad in ["", "run_", "a b", "ä", &"x".repeat(65)] {
            assert!(RunId::choose(bad, Shard::FIRST).is_err(), "{bad}");
        }
    }
}
