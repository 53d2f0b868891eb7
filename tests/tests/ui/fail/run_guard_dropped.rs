#![deny(unused_must_use)]

use ups_track::{Error, Run};

fn program() -> Result<(), Error> {
    Run::builder().start()?;
    ups_track::init()?;
    Run::builder().project("p");
    Ok(())
}

fn main() {}
