//! Ids of runs, snapshots, waitpoints and batches. The server accepts them bare or with their prefix and returns
//! them bare.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio_postgres::types::{FromSql, Type};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("The id in `text`, which may begin with `", $prefix, "`.")]
            pub fn new(text: impl Into<String>) -> Self {
                let text = text.into();
                match text.strip_prefix($prefix) {
                    Some(bare) => Self(bare.to_owned()),
                    None => Self(text),
                }
            }

            /// The id without its prefix, as the tables store it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            #[doc = concat!("The id with `", $prefix, "` before it, as users see it.")]
            pub fn friendly(&self) -> String {
                format!(concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::new(text))
            }
        }

        impl<'a> FromSql<'a> for $name {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
                <&str as FromSql>::from_sql(ty, raw).map(Self::new)
            }

            fn accepts(ty: &Type) -> bool {
                <&str as FromSql>::accepts(ty)
            }
        }
    };
}

id! {
    /// Id of a run, held without its prefix `run_`.
    RunId, "run_"
}

id! {
    /// Id of an execution snapshot, held without its prefix `snapshot_`.
    ///
    /// It fences every write about a run: a call that names another snapshot than the run's latest is
    /// refused as stale.
    SnapshotId, "snapshot_"
}

id! {
    /// Id of a waitpoint, held without its prefix `waitpoint_`.
    WaitpointId, "waitpoint_"
}

id! {
    /// Id of a batch, held without its prefix `batch_`.
    BatchId, "batch_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_with_and_without_its_prefix() {
        assert_eq!(RunId::new("run_c1"), RunId::new("c1"));
        assert_eq!(SnapshotId::from("snapshot_s1").as_str(), "s1");
        assert_eq!(RunId::new("c1").friendly(), "run_c1");
    }

    #[test]
    fn only_its_own_prefix_and_only_one_is_taken_off() {
        assert_eq!(RunId::new("snapshot_s1").as_str(), "snapshot_s1");
        assert_eq!(RunId::new("run_run_1").as_str(), "run_1");
    }

    #[test]
    fn an_id_from_json_loses_its_prefix_too() {
        let id: RunId = serde_json::from_str(r#""run_c1""#).unwrap();
        assert_eq!(id.as_str(), "c1");
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""c1""#);
    }
}
