#![deny(warnings, clippy::pedantic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ups_track::{EvalSummary, RunConfig, alert, config, file, summary};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    tags: Vec<String>,
}

fn main() {
    let nrmse = 0.5;
    let note = String::from("good");
    let h = Hyper { lr: 0.1, tags: vec!["a".to_owned()] };
    summary!(nrmse, note = note.as_str(), owned = note.clone(), ok = true, n = 7, big = 3_000_000_000, "a/b" = 0.1,);
    summary!(nothing = None::<f64>, ..Scores { nrmse });
    summary!(..&Scores { nrmse });
    config!(samples = 3072, seed = -1, name = "burgers", big = 3_000_000_000, lr = h.lr, "opt/tags" = h.tags);
    config!(took = Duration::from_secs(1), path = Path::new("a"), map = [1, 2], one = Some('c'), hyper = &h, ..&h);
    config!(nrmse);
    alert!("loss diverged");
    alert!("loss diverged", "at {nrmse:.3}");
    alert!(level = error, wait = Duration::from_mins(1), "nrmse is {nrmse}", "{} and {n}", 1, n = 2);
    alert!(note);
    alert!(level = warn, &note, "text");
    file!("model.bin");
    file!(format!("model-{}.bin", 1), policy = now);
    file!(PathBuf::from("a").join("b"), policy = end,);
}
