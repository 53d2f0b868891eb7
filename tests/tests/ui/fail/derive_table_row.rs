use ups_track::TableRow;

#[derive(TableRow)]
struct Field {
    name: String,
    values: Vec<f64>,
}

#[derive(TableRow)]
struct Repeated {
    #[track(rename = "b")]
    a: f64,
    b: f64,
    #[track(rename = " ")]
    c: f64,
    #[track(units = "m")]
    d: f64,
}

#[derive(TableRow)]
struct Pair(f64, f64);

#[derive(TableRow)]
struct Empty {
    #[track(skip)]
    a: f64,
}

fn main() {}
