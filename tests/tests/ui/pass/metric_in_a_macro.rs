#![deny(warnings)]

macro_rules! log_loss {
    ($step:expr, $($value:ident = $of:expr),*) => {
        ups_track::metric!(crate = ::ups_track, step = $step, $($value = $of),*)
    };
}

macro_rules! log_here {
    ($($tokens:tt)*) => {
        $crate::tracking::metric!(crate = $crate::tracking, $($tokens)*)
    };
}

mod tracking {
    pub use ups_track::*;
}

fn main() {
    let value = 0.5;
    log_loss!(1, a = value, b = value + 1.0);
    log_here!(step = 1, value, "a/b" = value * 2.0);
    tracking::metric!(crate = crate::tracking, step = 1, value);
}
