//! CPU time and memory of a program and everything that it starts.

use std::fmt;
use std::process::Command;
use std::time::Instant;

use crate::Result;

/// What stands before the seconds that the end of a run took, on standard output.
pub(crate) const FINISH: &str = "finish: ";

/// What a program has spent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// Seconds of user and system time, descendants included.
    pub(crate) cpu: f64,
    /// The memory of the largest process at its worst.
    pub(crate) megabytes: f64,
    /// Seconds from beginning to end.
    pub(crate) wall: f64,
    /// Files that the program had open at the same time, at most, as far as was seen.
    pub(crate) descriptors: f64,
    /// Seconds of it that the end of the run took, if the program says that.
    pub(crate) finish: f64,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.3} s of CPU, {:6.1} MB, {:6.2} s", self.cpu, self.megabytes, self.wall)
    }
}

/// Runs a command to its end, below a process that counts for it.
///
/// # Errors
///
/// If it cannot be run or fails.
pub(crate) fn measured(command: &mut Command) -> Result<Spent> {
    let report = tempfile::NamedTempFile::new()?;
    let mut counting = Command::new(std::env::current_exe()?);
    counting.arg("measure").arg(report.path()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => counting.env(name, value),
            None => counting.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        counting.current_dir(dir);
    }
    let output = counting.output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said)).into());
    }
    let text = std::fs::read_to_string(report.path())?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let [cpu, megabytes, wall, descriptors] = numbers[..] else {
        return Err(format!("no report: {text}").into());
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let finish = said.lines().find_map(|line| line.strip_prefix(FINISH)?.parse().ok()).unwrap_or(0.0);
    Ok(Spent { cpu, megabytes, wall, descriptors, finish })
}

/// Runs a program, waits for it and for all that it leaves behind, and writes what they have spent.
///
/// # Errors
///
/// If it cannot be run or fails.
#[cfg(target_os = "linux")]
pub(crate) fn run(report: &str, program: &str, arguments: &[&str]) -> Result {
    #![expect(unsafe_code, reason = "counting for other processes needs the C library")]

    // SAFETY: a flag of this process. What a descendant leaves behind becomes our child, and is counted.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let began = Instant::now();
    let mut process = Command::new(program).args(arguments).spawn()?;
    let mut descriptors = 0;
    let opened = format!("/proc/{}/fd", process.id());
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        descriptors = descriptors.max(std::fs::read_dir(&opened).map_or(0, Iterator::count));
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    // SAFETY: no status is asked for; it ends when there is no child any more.
    while unsafe { libc::wait(std::ptr::null_mut()) } > 0 {}
    let wall = began.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{program} ended with {status}").into());
    }
    // SAFETY: zeros are a valid `rusage`, which the call fills.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    // In kB here.
    Ok(std::fs::write(report, format!("{cpu} {} {wall} {descriptors}", usage.ru_maxrss as f64 / 1e3))?)
}

/// Elsewhere there is no way to count what a descendant leaves behind.
#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &str, _: &str, _: &[&str]) -> Result {
    Err("this is measured on Linux only".into())
}
