use ups_track::{EvalSummary, Table, TableRow, table};

#[derive(TableRow)]
struct Case {
    name: &'static str,
    rel_l2: f64,
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

fn main() {
    let mut cases = Table::new();
    cases.push(Case { name: "disk", rel_l2: "0.01" });
    cases.push(Case { name: "ring" });
    let scores = Scores { nrmse: 0.1 };
    table!("eval/cases" = cases, scores = vec![scores], numbers = [1.0, 2.0], one = 3.0);
}
