//! The macros that are called.

use crate::kinds::{Case, Epoch, Hyper, Inner, Joules, Losses, Optimizer, Pair, Residuals, Scores, Shifted};

/// A key.
pub const RATE: tracker::Key = tracker::Key::new("opt/rate");

/// `metric!`.
pub fn metrics(epoch: u64, loss: f64, losses: &Losses<f64>, energy: Joules) {
    let absent = None::<u8>;
    tracker::metric!(crate = ::tracker, step = epoch, loss);
    tracker::metric!(
        crate = ::tracker,
        loss,
        half = loss / 2.0,
        "quoted/key" = -loss,
        energy,
        absent,
        by_ref = &loss,
        field = losses.data,
        call = loss.sqrt(),
        wide = 3_000_000_000 * epoch,
        step = epoch,
    );
    tracker::metric!(crate = ::tracker, step = epoch, { RATE } = loss, ..losses);
    tracker::metric!(crate = ::tracker, other = loss, ..Epoch { number: epoch, loss: 0.5 }, ..losses);
    let more = Residuals { burgers: 0.5, r#type: 3 };
    tracker::metric!(crate = ::tracker, step = epoch, loss, ..losses, ..more);
    tracker::metric!(crate = ::tracker, step = epoch, ..[("a", loss), ("b", loss)]);
}

/// `summary!`.
pub fn summaries(nrmse: f64, text: &str, scores: &Scores) {
    tracker::summary!(crate = ::tracker, nrmse, fixed = 0.1, verdict = text, "a/passed" = true, samples = 3);
    tracker::summary!(crate = ::tracker, fixed = nrmse, ..scores);
    tracker::summary!(crate = ::tracker, { RATE } = nrmse);
    tracker::summary!(crate = ::tracker, ..Shifted { accuracy: Some(nrmse) });
}

/// `config!`.
pub fn configs(epochs: u64, path: &std::path::Path) {
    tracker::config!(crate = ::tracker, epochs, lr = 1e-3, name = "x", "a/b" = true);
    tracker::config!(crate = ::tracker, { RATE } = epochs);
    tracker::config!(crate = ::tracker, path, list = [1, 2], nothing = None::<u8>);
    for optimizer in
        [Optimizer::Sgd, Optimizer::Momentum(0.9), Optimizer::Both(0.9, 0.1), Optimizer::Adam { beta: 0.9 }]
    {
        tracker::config!(
            crate = ::tracker,
            epochs,
            ..Hyper {
                learning_rate: 1e-3,
                layers: [1, 2, 3],
                optimizer,
                pair: Pair(1, 2),
                inner: Inner { seed: None },
                api_key: tracker::Secret::new(String::new()),
                cache: Vec::new(),
            }
        );
    }
}

/// `table!`.
pub fn tables(cases: &[Case<f64>]) {
    tracker::table!(crate = ::tracker, cases);
    tracker::table!(crate = ::tracker, "eval/cases" = cases, { RATE } = cases);
}

/// `alert!` and `file!`.
pub fn messages(step: u64, title: &str, path: &std::path::Path) {
    tracker::alert!(crate = ::tracker, "plain");
    tracker::alert!(crate = ::tracker, "step {step}");
    tracker::alert!(crate = ::tracker, title);
    tracker::alert!(
        crate = ::tracker,
        level = warn,
        wait = std::time::Duration::from_mins(1),
        title,
        "at step {step}"
    );
    tracker::alert!(crate = ::tracker, level = error, "title", "{} of {}", step, title);
    tracker::file!("model.bin", crate = ::tracker);
    tracker::file!(path, policy = end, crate = ::tracker);
    tracker::file!(path.join("report"), policy = "now", crate = ::tracker);
}

/// As expressions, and in branches.
pub fn in_places(loss: f64, is_last: bool) {
    if is_last {
        tracker::metric!(crate = ::tracker, step = 1, loss);
    } else {
        tracker::summary!(crate = ::tracker, loss);
    }
    let closure = |step: u8| tracker::metric!(crate = ::tracker, step = step, loss);
    closure(1);
    match loss {
        0.0 => tracker::metric!(crate = ::tracker, step = 1, loss),
        _ => tracker::config!(crate = ::tracker, loss),
    }
}
