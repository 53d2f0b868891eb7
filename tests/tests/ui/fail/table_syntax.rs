use ups_track::{TableRow, table};

#[derive(TableRow)]
struct Case {
    rel_l2: f64,
}

fn main() {
    let cases = [Case { rel_l2: 0.1 }];
    table!();
    table!(..cases);
    table!(cases, "_cases" = cases, cases = cases);
    table!("eval cases " = cases);
}
