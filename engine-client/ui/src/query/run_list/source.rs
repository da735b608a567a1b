//! Where a list looks for its runs, and the statements that look there.

use std::sync::LazyLock;

/// Where a list looks for its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// The newest.
    Newest,
    /// Those that have not ended.
    Live,
    /// Those that failed.
    Failed,
    /// Those of the batches that the filter names.
    Batch,
    /// The children of the runs that it names.
    Parent,
}

impl Among {
    pub(super) fn statements(self) -> &'static Statements {
        match self {
            Self::Newest | Self::Live | Self::Failed => &EVERY,
            Self::Batch => &BATCH,
            Self::Parent => &PARENT,
        }
    }
}

static EVERY: LazyLock<Statements> = LazyLock::new(|| Statements::of(""));
static BATCH: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of("and t.batch_id = any (array(select jsonb_array_elements_text($1 -> 'batch')))")
});
static PARENT: LazyLock<Statements> = LazyLock::new(|| {
    Statements::of(
        "and t.parent_run_id = any (array(select jsonb_array_elements_text($1 -> 'parent')))",
    )
});

/// The statements that look at the runs of a source.
pub(super) struct Statements {
    pub(super) older: String,
    pub(super) newer: String,
    pub(super) reach: String,
}

impl Statements {
    /// With the condition of the source, which an index knows, and what all have.
    fn of(source: &str) -> Self {
        let statement = |text: &str| {
            text.replace(":columns", include_str!("../sql/run_columns.sql"))
                .replace(":matches", include_str!("../sql/run_match.sql"))
                .replace(":source", source)
        };
        Self {
            older: statement(include_str!("../sql/run_list.sql")),
            newer: statement(include_str!("../sql/run_list_newer.sql")),
            reach: statement(include_str!("../sql/run_reach.sql")),
        }
    }
}
