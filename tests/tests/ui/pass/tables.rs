#![deny(warnings)]

use ups_track::{Key, Run, Table, TableRow, table};

const WORST: Key = Key::new("eval/worst");

#[derive(TableRow)]
struct Case<'a, T: ups_track::TableCell> {
    name: &'a str,
    #[track(rename = "relative L2 (%)")]
    rel_l2: T,
    seconds: Option<f32>,
    converged: bool,
    #[track(skip)]
    _field: Vec<f64>,
}

fn case(name: &str) -> Case<'_, f64> {
    Case { name, rel_l2: 1.5, seconds: None, converged: true, _field: Vec::new() }
}

fn log(run: &Run) {
    run.log_table("eval/cases", &[case("disk")]);
}

fn main() {
    let cases = vec![case("disk"), case("ring")];
    table!(cases);
    table!("eval/cases" = cases, {WORST} = &cases[..1], by_value = [case("a")],);
    let mut table: Table<_> = ["x", "y"].into_iter().map(case).collect();
    table.extend([case("z")]);
    table!(table);
    let _ = log;
}
