//! Values for columns.

use engine_core::{EnvironmentType, ExecutionStatus, RunStatus, Transition};
use pgrx::pg_sys;

use crate::backend::header::{ENVIRONMENT_TYPE, EXECUTION_STATUS, RUN_STATUS, TRANSITION};
use crate::backend::parameter::Parameter;

/// A value for a column.
pub(crate) enum Cell {
    Null,
    Value(pg_sys::Datum),
    /// A value of the column's enum, by its label.
    Label(&'static str),
    /// The value that a row has.
    Kept,
}

/// A value, or else that which the row has.
pub(crate) struct Kept<V>(pub(crate) Option<V>);

impl Cell {
    /// A value for a column of the type `TYPE`, or of an array of it.
    pub(crate) fn new<const TYPE: u8, const IS_ARRAY: bool, V: IntoCell<TYPE, IS_ARRAY>>(
        value: V,
    ) -> Self {
        value.cell()
    }
}

/// A value for a column of the type `TYPE`, or of an array of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value for this column: the schema says another type"
)]
pub(crate) trait IntoCell<const TYPE: u8, const IS_ARRAY: bool> {
    fn cell(self) -> Cell;
}

impl<const TYPE: u8, const IS_ARRAY: bool, V: Parameter<TYPE, IS_ARRAY>> IntoCell<TYPE, IS_ARRAY>
    for V
{
    fn cell(self) -> Cell {
        self.datum().map_or(Cell::Null, Cell::Value)
    }
}

macro_rules! labels {
    ($($kind:ident: $name:ty),* $(,)?) => {$(
        impl IntoCell<$kind, false> for $name {
            fn cell(self) -> Cell {
                Cell::Label(self.as_str())
            }
        }
    )*};
}

labels!(
    EXECUTION_STATUS: ExecutionStatus,
    RUN_STATUS: RunStatus,
    TRANSITION: Transition,
    ENVIRONMENT_TYPE: EnvironmentType,
);

impl<const TYPE: u8, const IS_ARRAY: bool, V: IntoCell<TYPE, IS_ARRAY>> IntoCell<TYPE, IS_ARRAY>
    for Kept<V>
{
    fn cell(self) -> Cell {
        self.0.map_or(Cell::Kept, IntoCell::cell)
    }
}
