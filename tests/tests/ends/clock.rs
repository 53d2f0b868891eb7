//! The clock of the wall is set while a program runs: forwards, backwards, by years. A small library in front of the C
//! library moves it, for this program alone.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{Ended, Program};

/// Adds to the wall's clock, in all its forms, the seconds that stand in the file `shift`.
const SHIFTED: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, time);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        FILE *file = fopen(getenv("SHIFT"), "r");
        long seconds = 0;
        if (file) {
            if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
            fclose(file);
        }
        time->tv_sec += seconds;
    }
    return failed;
}
"#;

fn library(dir: &Path) -> PathBuf {
    let (source, library) = (dir.join("shifted.c"), dir.join("shifted.so"));
    std::fs::write(&source, SHIFTED).unwrap();
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(built.unwrap().success());
    library
}

fn run() -> Ended {
    let program = Program::new("builder-clock");
    let (library, shift) = (library(program.dir.path()), program.dir.path().join("shift"));
    program.env("LD_PRELOAD", library).env("SHIFT", shift).run()
}

const HOUR: f64 = 3600.0;

#[test]
fn run_times_do_not_follow_a_clock_that_is_set() {
    let ended = run();
    ended.assert_code(0);
    let log = ended.log();
    let all = |key: &str| -> Vec<f64> {
        log.rows().iter().map(|row| row.get(key).and_then(serde_json::Value::as_f64).unwrap()).collect()
    };
    let runtimes = all("_runtime");
    assert!(runtimes.is_sorted() && runtimes.iter().all(|runtime| *runtime < HOUR), "{runtimes:?}");
    assert!(runtimes.last() > runtimes.first(), "{runtimes:?}");
    // What is written about when something was follows the wall's clock of that moment.
    let times = all("_timestamp");
    let steps: Vec<f64> = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one).collect();
    for (step, shift) in steps.iter().zip([365.0 * 24.0 * HOUR, -366.0 * 24.0 * HOUR, 24.0 * HOUR]) {
        assert!((step - shift).abs() < HOUR, "{steps:?}");
    }
    let summary = log.summary();
    assert!(summary.get("_runtime").unwrap().as_f64().unwrap() < HOUR);
    assert!((summary.get("_timestamp").unwrap().as_f64().unwrap() - times.last().unwrap()).abs() < 1.0);
    assert!(ended.stdout.iter().any(|line| line.contains("finished after")), "{:?}", ended.stdout);
    assert!(
        ended.stdout.iter().all(|line| !line.contains(" h ") && !line.contains("after 0 ms")),
        "{:?}",
        ended.stdout
    );
}
