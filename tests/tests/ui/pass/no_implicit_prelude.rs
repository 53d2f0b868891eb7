#![deny(warnings)]
#![no_implicit_prelude]

#[derive(::ups_track::Metrics)]
struct Losses {
    data: f64,
    #[track(flatten)]
    more: More,
}

#[derive(::ups_track::Metrics)]
struct More {
    a: f64,
}

#[derive(::ups_track::EvalSummary)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
    #[track(flatten, prefix = "p")]
    inner: Inner,
}

#[derive(::ups_track::EvalSummary)]
struct Inner {
    #[track(goal = "max")]
    acc: f64,
}

#[derive(::ups_track::RunConfig)]
struct Hyper {
    lr: f64,
    optimizer: Optimizer,
    pair: Pair,
}

#[derive(::ups_track::RunConfig)]
struct Pair(u8, u8);

#[derive(::ups_track::RunConfig)]
enum Optimizer {
    Adam { beta: f64 },
    Sgd,
}

#[::ups_track::track_stage("operator", err, best(loss = "min"))]
fn train() -> ::std::result::Result<(), ::std::string::String> {
    let loss = 0.5;
    ::ups_track::metric!(step = 1, loss);
    ::ups_track::metric!(step = 1, loss, ..Losses { data: 1.0, more: More { a: 1.0 } });
    ::std::result::Result::Ok(())
}

#[::ups_track::track_stage("later", err)]
async fn later() -> ::std::result::Result<(), ::std::string::String> {
    ::std::future::ready(()).await;
    ::std::result::Result::Ok(())
}

#[::ups_track::eval_summary]
fn evaluate() -> Scores {
    Scores { nrmse: 0.1, inner: Inner { acc: 1.0 } }
}

mod program {
    #[::ups_track::main(project = "p", tags = ["a"])]
    pub(super) fn main() -> ::std::result::Result<(), ::std::string::String> {
        ::std::result::Result::Ok(())
    }
}

fn main() -> ::std::result::Result<(), ::std::string::String> {
    let _: fn() -> ::std::result::Result<(), ::std::string::String> = program::main;
    train()?;
    ::std::mem::drop(later());
    evaluate();
    for optimizer in [Optimizer::Adam { beta: 0.9 }, Optimizer::Sgd] {
        ::ups_track::config!(a = 1, ..Hyper { lr: 0.1, optimizer, pair: Pair(1, 2) });
    }
    ::ups_track::summary!(a = 1, ..Inner { acc: 1.0 });
    let title = 3;
    ::ups_track::alert!(level = warn, "title {title}", "text {title}");
    ::ups_track::file!("a", policy = now);
    ::std::result::Result::Ok(())
}
