use ups_track::eval_summary;

#[eval_summary]
fn number() -> f64 {
    0.1
}

#[eval_summary]
fn result_of_number() -> Result<f64, String> {
    Ok(0.1)
}

#[eval_summary]
async fn later() -> Option<Vec<u8>> {
    None
}

fn main() {}
