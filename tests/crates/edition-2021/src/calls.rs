//! The macros that are called.

use crate::kinds::{Case, Epoch, Hyper, Inner, Joules, Losses, Optimizer, Pair, Residuals, Scores, Shifted};

/// A key.
pub const RATE: ::ups_track::Key = ::ups_track::Key::new("opt/rate");

/// `metric!`.
pub fn metrics(epoch: u64, loss: f64, losses: &Losses<f64>, energy: Joules) {
    let absent = ::std::option::Option::None::<u8>;
    ::ups_track::metric!(step = epoch, loss);
    ::ups_track::metric!(
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
    ::ups_track::metric!(step = epoch, { RATE } = loss, ..losses);
    ::ups_track::metric!(other = loss, ..Epoch { number: epoch, loss: 0.5 }, ..losses);
    let more = Residuals { burgers: 0.5, r#type: 3 };
    ::ups_track::metric!(step = epoch, loss, ..losses, ..more);
    ::ups_track::metric!(crate = ::ups_track, step = epoch, ..[("a", loss), ("b", loss)]);
}

/// `summary!`.
pub fn summaries(nrmse: f64, text: &str, scores: &Scores) {
    ::ups_track::summary!(nrmse, fixed = 0.1, verdict = text, "a/passed" = true, samples = 3);
    ::ups_track::summary!(fixed = nrmse, ..scores);
    ::ups_track::summary!({ RATE } = nrmse);
    ::ups_track::summary!(..Shifted { accuracy: ::std::option::Option::Some(nrmse) });
}

/// `config!`.
pub fn configs(epochs: u64, path: &::std::path::Path) {
    ::ups_track::config!(epochs, lr = 1e-3, name = "x", "a/b" = true);
    ::ups_track::config!({ RATE } = epochs);
    ::ups_track::config!(path, list = [1, 2], nothing = ::std::option::Option::None::<u8>);
    for optimizer in
        [Optimizer::Sgd, Optimizer::Momentum(0.9), Optimizer::Both(0.9, 0.1), Optimizer::Adam { beta: 0.9 }]
    {
        ::ups_track::config!(
            epochs,
            ..Hyper {
                learning_rate: 1e-3,
                layers: [1, 2, 3],
                optimizer,
                pair: Pair(1, 2),
                inner: Inner { seed: ::std::option::Option::None },
                api_key: ::ups_track::Secret::new(::std::string::String::new()),
                cache: ::std::vec::Vec::new(),
            }
        );
    }
}

/// `table!`.
pub fn tables(cases: &[Case<f64>]) {
    ::ups_track::table!(cases);
    ::ups_track::table!("eval/cases" = cases, { RATE } = cases);
}

/// `alert!` and `file!`.
pub fn messages(step: u64, title: &str, path: &::std::path::Path) {
    ::ups_track::alert!("plain");
    ::ups_track::alert!("step {step}");
    ::ups_track::alert!(title);
    ::ups_track::alert!(level = warn, wait = ::std::time::Duration::from_mins(1), title, "at step {step}");
    ::ups_track::alert!(level = error, "title", "{} of {}", step, title);
    ::ups_track::file!("model.bin");
    ::ups_track::file!(path, policy = end);
    ::ups_track::file!(path.join("report"), policy = "now", crate = ::ups_track);
}

/// As expressions, and in branches.
pub fn in_places(loss: f64, is_last: bool) {
    if is_last {
        ::ups_track::metric!(step = 1, loss);
    } else {
        ::ups_track::summary!(loss);
    }
    let closure = |step: u8| ::ups_track::metric!(step = step, loss);
    closure(1);
    match loss {
        0.0 => ::ups_track::metric!(step = 1, loss),
        _ => ::ups_track::config!(loss),
    }
}
