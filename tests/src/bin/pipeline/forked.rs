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

/// Forks while other threads write to standard error and record; tells how many children did not come to their end.
pub(crate) fn crowd() -> Result {
    const FORKS: usize = 200;
    let run = ups_track::init()?;
    let over = std::sync::atomic::AtomicBool::new(false);
    let hung = std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (run, over) = (&run, &over);
            scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    eprintln!("{}", ".".repeat(200));
                    run.add_tags([""]);
                    run.log(thread, &[("value", 1)]);
                    run.flush();
                }
            });
        }
        let hung = (0..FORKS).filter(|_| !child_ends(&run)).count();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        hung
    });
    tell(&format!("hung {hung}"));
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a forked child, which does what it had better not, comes to its end.
fn child_ends(run: &Run) -> bool {
    #[expect(unsafe_code, reason = "this is what the test is about")]
    // SAFETY: the child only uses what this crate promises to survive a fork.
    let child = unsafe { libc::fork() };
    if child == 0 {
        run.log(1, &[("in_child", 1)]);
        run.add_tags([""]);
        run.flush();
        drop(run.finish());
        std::process::exit(0);
    }
    let mut status = 0;
    for _ in 0..4000 {
        #[expect(unsafe_code, reason = "std cannot wait for a process that it did not start")]
        // SAFETY: `status` is a valid integer.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    #[expect(unsafe_code, reason = "std cannot end a process that it did not start")]
    // SAFETY: it was not waited for, so that its id is still its own.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, &raw mut status, 0);
    }
    false
}
