//! Ids of waitpoints, batches and checkpoints. Like run ids, they end in their shard.

use crate::Shard;
use crate::id::{mint_on, shard_of};

macro_rules! entity_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Reads an id, bare or as `", $prefix, "<id>`.")]
            #[must_use]
            pub fn parse(text: &str) -> Self {
                Self(text.strip_prefix($prefix).unwrap_or(text).to_owned())
            }

            /// Makes an id on `shard` from a fresh cuid.
            #[must_use]
            pub fn mint(cuid: &str, shard: Shard) -> Self {
                Self(mint_on(cuid, shard))
            }

            /// The shard that the id names.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_shard_and_is_the_same_with_its_prefix() {
        let shard = Shard::new(37).unwrap();
        let id = WaitpointId::mint("cmibtzv1k0000abcd12345678", shard);
        assert_eq!(id.shard(), shard);
        assert_eq!(id.as_str(), "cmibtzv1k0000abcd12345611");
        assert_eq!(WaitpointId::parse(&id.friendly()), id);
        assert_eq!(BatchId::parse("b").friendly(), "batch_b");
        assert_eq!(CheckpointId::parse("k").shard(), Shard::default());
    }
}
