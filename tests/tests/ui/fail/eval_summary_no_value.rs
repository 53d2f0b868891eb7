use ups_track::eval_summary;

#[eval_summary]
fn nothing() {}

#[eval_summary]
fn unit() -> () {}

#[eval_summary]
fn opaque() -> impl Sized {}

fn main() {}
