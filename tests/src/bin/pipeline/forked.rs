//! A program that forks without `exec`.

use std::process::ExitCode;

use ups_track::{Run, metric};

use crate::{Result, tell};

/// Rows, a fork, rows on both sides, and the end that the child has.
pub(crate) fn fork(end: &str) -> Result {
    let run = ups_track::init()?;
    rows(0..50);
    #[expect(unsafe_code, reason = "this is what the test is about")]
    // SAFETY: the child only uses what this crate promises to survive a fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        if end == "linger" {
            tell("lingers");
            crate::wait();
            return Ok(ExitCode::SUCCESS);
        }
        in_child(&run, end);
        if end == "exit" {
            std::process::exit(7);
        }
        return Ok(ExitCode::from(7));
    }
    rows(50..100);
    let mut status = 0;
    #[expect(unsafe_code, reason = "std cannot wait for a process that it did not start")]
    // SAFETY: `status` is a valid integer.
    unsafe {
        libc::waitpid(child, &raw mut status, 0);
    }
    rows(100..150);
    run.finish()?;
    tell(&format!("parent saw {}", status >> 8));
    Ok(ExitCode::SUCCESS)
}

fn in_child(run: &Run, end: &str) {
    rows(1000..1050);
    run.log(1, &[("in_child", 1)]);
    run.summarize(&[("in_child", 1)]);
    tell(&format!("child flush {}", run.flush()));
    if let Err(e) = run.finish() {
        tell(&format!("child: {e}"));
    }
    if end == "own" {
        let own = Run::builder().id("own").start();
        if let Ok(own) = own {
            own.log(0, &[("own", 1)]);
            tell(&format!("own {}", own.finish().is_ok_and(|finished| finished.rows() == 1)));
        }
    }
}

fn rows(steps: std::ops::Range<u64>) {
    for step in steps {
        metric!(step = step, value = step);
    }
}
