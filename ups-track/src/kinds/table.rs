//! Tables: rows to compare. They become W&B tables.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::metric::{MetricField, MetricValue, Number};

/// A value that can stand in a table: a number, a bool or text, and references and `Option`s of them (empty when
/// `None`).
///
/// ```
/// use ups_track::TableCell;
/// struct Metres(f64);
/// impl TableCell for Metres {
///     fn cell(&self) -> serde_json::Value {
///         self.0.cell()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table cell",
    label = "a cell is a number, a bool or text, or an `Option` of one",
    note = "for another type, implement `TableCell`, or leave the field out with `#[track(skip)]`"
)]
pub trait TableCell {
    /// The cell as JSON. What JSON lacks, NaN and infinities, is an empty cell.
    fn cell(&self) -> Value;
}

impl TableCell for Number {
    fn cell(&self) -> Value {
        match *self {
            Self::F64(v) => Value::from(v),
            Self::I64(v) => Value::from(v),
            Self::U64(v) => Value::from(v),
        }
    }
}

macro_rules! number_cells {
    ($($ty:ty),* $(,)?) => {$(
        impl TableCell for $ty {
            fn cell(&self) -> Value {
                MetricValue::field(self).number().cell()
            }
        }
    )*};
}

number_cells!(f64, f32, i64, i32, i16, i8, isize, i128, u64, u32, u16, u8, usize, u128);

macro_rules! text_cells {
    ($($ty:ty: |$v:ident| $by:expr),* $(,)?) => {$(
        impl TableCell for $ty {
            fn cell(&self) -> Value {
                let $v = self;
                Value::from($by)
            }
        }
    )*};
}

text_cells! {
    bool: |v| *v,
    str: |v| v,
    String: |v| v.as_str(),
    Cow<'_, str>: |v| &**v,
    char: |v| v.to_string(),
    Path: |v| v.to_string_lossy(),
    PathBuf: |v| v.to_string_lossy(),
}

#[diagnostic::do_not_recommend]
impl<T: TableCell + ?Sized> TableCell for &T {
    fn cell(&self) -> Value {
        (**self).cell()
    }
}

#[diagnostic::do_not_recommend]
impl<T: TableCell> TableCell for Option<T> {
    fn cell(&self) -> Value {
        self.as_ref().map_or(Value::Null, TableCell::cell)
    }
}

/// A row of a table. Derive it: `#[derive(TableRow)]` on a struct whose fields are cells.
///
/// The struct is what keeps rows alike: a row with a cell too few, too many, or of another type is no value of it.
///
/// ```
/// use ups_track::{TableRow, table};
/// #[derive(TableRow)]
/// struct Case {
///     name: &'static str,
///     rel_l2: f64,
///     #[track(rename = "time (s)")]
///     seconds: Option<f64>,
/// }
/// # let captured = ups_track::testing::capture(|| {
/// let cases = [Case { name: "disk", rel_l2: 0.01, seconds: None }, Case { name: "ring", rel_l2: 0.02, seconds: Some(3.0) }];
/// table!("eval/cases" = cases);
/// # });
/// # assert_eq!(captured.tables[0].columns, ["name", "rel_l2", "time (s)"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table row",
    label = "expected a struct with `#[derive(TableRow)]`"
)]
pub trait TableRow {
    /// The names of the columns.
    const COLUMNS: &'static [&'static str];

    /// The cells, one per column.
    fn cells(&self) -> Vec<Value>;
}

#[diagnostic::do_not_recommend]
impl<T: TableRow + ?Sized> TableRow for &T {
    const COLUMNS: &'static [&'static str] = T::COLUMNS;
    fn cells(&self) -> Vec<Value> {
        (**self).cells()
    }
}

/// A table that grows row by row.
///
/// A `Vec`, array or slice of rows is a table too.
///
/// ```
/// use ups_track::{Table, TableRow};
/// #[derive(TableRow)]
/// struct Case {
///     name: String,
///     rel_l2: f64,
/// }
/// let mut table = Table::new();
/// table.push(Case { name: "disk".into(), rel_l2: 0.01 });
/// assert_eq!(table.rows().len(), 1);
/// # fn log(run: &ups_track::Run, table: &Table<Case>) {
/// run.log_table("eval/cases", table);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table<R> {
    rows: Vec<R>,
}

impl<R: TableRow> Table<R> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// The rows.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }
}

impl<R: TableRow> Default for Table<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: TableRow> From<Vec<R>> for Table<R> {
    fn from(rows: Vec<R>) -> Self {
        Self { rows }
    }
}

impl<R: TableRow> FromIterator<R> for Table<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        Self { rows: rows.into_iter().collect() }
    }
}

impl<R: TableRow> Extend<R> for Table<R> {
    fn extend<I: IntoIterator<Item = R>>(&mut self, rows: I) {
        self.rows.extend(rows);
    }
}

/// What can be logged as a table: a [`Table`], or a `Vec`, array or slice of [`TableRow`]s.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table",
    label = "expected a `Table`, `Vec`, array or slice of a struct with `#[derive(TableRow)]`"
)]
pub trait TableRows {
    /// The type of a row.
    type Row: TableRow;

    /// The rows.
    fn table_rows(&self) -> &[Self::Row];
}

impl<R: TableRow> TableRows for Table<R> {
    type Row = R;
    fn table_rows(&self) -> &[R] {
        &self.rows
    }
}

impl<R: TableRow> TableRows for Vec<R> {
    type Row = R;
    fn table_rows(&self) -> &[R] {
        self
    }
}

impl<R: TableRow> TableRows for [R] {
    type Row = R;
    fn table_rows(&self) -> &[R] {
        self
    }
}

impl<R: TableRow, const N: usize> TableRows for [R; N] {
    type Row = R;
    fn table_rows(&self) -> &[R] {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: TableRows + ?Sized> TableRows for &T {
    type Row = T::Row;
    fn table_rows(&self) -> &[T::Row] {
        (**self).table_rows()
    }
}

/// A table whose types are forgotten.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableData {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl TableData {
    pub(crate) fn of<T: TableRows + ?Sized>(table: &T) -> Self {
        let rows = table.table_rows();
        Self {
            columns: T::Row::COLUMNS.iter().map(ToString::to_string).collect(),
            rows: rows.iter().map(TableRow::cells).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::TableCell;

    #[test]
    fn what_json_lacks_is_an_empty_cell() {
        assert_eq!((f64::NAN.cell(), f32::INFINITY.cell()), (Value::Null, Value::Null));
        assert_eq!((None::<&str>.cell(), Some("a").cell()), (Value::Null, Value::from("a")));
        assert_eq!((u64::MAX.cell(), true.cell()), (Value::from(u64::MAX), Value::from(true)));
    }
}
