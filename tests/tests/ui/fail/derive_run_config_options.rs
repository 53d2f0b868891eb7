use ups_track::RunConfig;

#[derive(RunConfig)]
struct Hyper {
    #[track(unit = "s")]
    lr: f64,
    #[track(rename = "lr")]
    rate: f64,
    _hidden: u8,
}

#[derive(RunConfig)]
union Bits {
    a: u8,
}

fn main() {}
