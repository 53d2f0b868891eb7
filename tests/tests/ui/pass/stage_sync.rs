#![deny(warnings, clippy::pedantic)]

use std::fmt::Display;

use ups_track::{metric, track_stage};

const ONE: u8 = 1;

struct Model<'a, const N: usize> {
    weights: [f64; N],
    name: &'a str,
}

impl<'a, const N: usize> Model<'a, N> {
    #[track_stage("operator", best(loss = "min", "val/acc" = "max"))]
    fn train(&mut self, epochs: usize) -> Result<&mut f64, String> {
        for step in 0..epochs {
            let loss = self.weights.first().copied().unwrap_or_default();
            metric!(step, loss);
            if loss < 0.0 {
                return Err(format!("{} diverged", self.name));
            }
        }
        self.weights.first_mut().ok_or_else(|| "no weights".to_owned())
    }

    #[track_stage("first")]
    fn first(&mut self) -> &mut f64 {
        &mut self.weights[0]
    }

    #[track_stage("name")]
    fn name(&self) -> Option<&'a str> {
        Some(self.name)
    }

    #[track_stage("consume")]
    fn consume(mut self) -> Result<[f64; N], Box<dyn std::error::Error>> {
        #![allow(clippy::unnecessary_wraps, reason = "an inner attribute stays in front")]
        self.weights.reverse();
        Ok(self.weights)
    }
}

trait Train {
    #[track_stage("default")]
    fn train(&self) -> Result<(), String> {
        self.step()?;
        Ok(())
    }
    fn step(&self) -> Result<(), String>;
}

impl Train for () {
    #[track_stage("step")]
    fn step(&self) -> Result<(), String> {
        Err("stop".to_owned())
    }
}

#[track_stage("generic", level = "debug", fields(name = %name, len = 3), step = "epoch")]
fn generic<T>(name: &T) -> String
where
    T: Display + ?Sized,
{
    name.to_string()
}

#[track_stage("iterator")]
fn iterator(n: u8) -> impl Iterator<Item = u8> {
    (0..n).filter(|n| n % 2 == 0)
}

#[track_stage("wrapped", err)]
fn wrapped(n: u8) -> Result<impl Iterator<Item = u8>, String> {
    if n == 0 {
        return Err("empty".to_owned());
    }
    Ok(0..n)
}

#[track_stage("never")]
fn never(stop: bool) -> ! {
    if stop { std::process::exit(0) } else { panic!("never") }
}

#[track_stage("a/b", summary(loss = "min,mean"))]
fn recursive(n: u64) -> Result<u64, std::num::TryFromIntError> {
    Ok(if n == 0 { 0 } else { 1 + recursive(n - 1)? })
}

#[allow(unsafe_code, clippy::unnecessary_wraps, reason = "its body is an unsafe context in the closure too")]
#[track_stage("unsafe")]
unsafe fn dangerous(of: *const u8) -> Result<u8, String> {
    // SAFETY: the caller gives a valid pointer.
    Ok(unsafe { *of })
}

#[track_stage("closure")]
fn closure(mut each: impl FnMut(u8) -> Result<(), String>) -> Result<(), String> {
    (0..3).try_for_each(&mut each)
}

fn main() {
    let mut model = Model { weights: [1.0, 2.0], name: "m" };
    *model.train(2).unwrap() += 1.0;
    *model.first() += 1.0;
    assert_eq!(model.name(), Some("m"));
    assert_eq!(model.consume().unwrap().len(), 2);
    assert_eq!(Train::train(&()), Err("stop".to_owned()));
    assert_eq!(generic("x"), "x");
    assert_eq!(iterator(4).count(), 2);
    assert_eq!(wrapped(3).map(Iterator::count), Ok(3));
    assert_eq!(recursive(3), Ok(3));
    #[allow(unsafe_code, clippy::unnecessary_wraps, reason = "a test")]
    // SAFETY: the pointer is that of a value.
    let one = unsafe { dangerous(&ONE) };
    assert_eq!(one, Ok(1));
    let mut seen = Vec::new();
    closure(|n| {
        seen.push(n);
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [0, 1, 2]);
    never(true)
}
