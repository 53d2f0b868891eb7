#![deny(warnings, clippy::pedantic)]

use ups_track::{Key, MetricValue, Metrics, metric};

const RATE: Key = Key::new("opt/lr");

struct Joules(f64);

impl MetricValue for Joules {
    type Field = f64;
    fn field(&self) -> f64 {
        self.0
    }
}

#[derive(Metrics)]
struct Losses {
    data: f64,
    physics: Option<f32>,
}

struct Hyper {
    lr: f32,
}

fn fallible() -> Result<f64, std::num::ParseFloatError> {
    "0.5".parse()
}

fn generic<T: MetricValue>(step: u64, value: &T) {
    metric!(step, value);
}

fn every_number(step: i8) {
    metric!(step, u8 = u8::MAX, u16 = u16::MAX, u32 = u32::MAX, u64 = u64::MAX, usize = usize::MAX);
    metric!(step, u128 = u128::MAX, i128 = i128::MAX, f32 = f32::MAX, nonzero = std::num::NonZeroU64::MIN);
    metric!(step, i8 = i8::MAX, i16 = i16::MAX, i32 = i32::MAX, i64 = i64::MAX, isize = isize::MAX);
}

fn main() -> Result<(), std::num::ParseFloatError> {
    let (epoch, loss, h) = (1_u32, 0.5, Hyper { lr: 0.1 });
    let counts = [1_usize, 2];
    metric!(step = epoch, loss);
    metric!(loss, step = epoch, "a/b-c.d" = loss * 2.0 - 1.0, lr = h.lr, n = counts[0], neg = -loss,);
    metric!(step = 3_000_000_000, root = f64::sqrt(loss), best = loss.min(0.1), energy = Joules(1.0));
    metric!(step = epoch, question = fallible()?, some = Some(loss), r#type = &loss, cast = epoch as usize);
    metric!(step = epoch, block = { loss + 1.0 }, choice = if loss > 0.1 { loss } else { 0.1 });
    metric!(step = epoch, {RATE} = h.lr, loss);
    metric!(step = epoch, loss, ..Losses { data: 1.0, physics: None });
    metric!(step = epoch, ..[("known/late", loss)], ..counts.map(|n| (format!("n{n}"), n)));
    match epoch {
        0 => metric!(step = epoch, loss),
        _ => metric!(step = epoch, other = loss),
    }
    let closure = |loss: f64| metric!(step = epoch, loss);
    closure(1.0);
    generic(1, &loss);
    every_number(1);
    Ok(())
}
