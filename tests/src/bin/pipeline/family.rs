//! Programs that have children.

use std::process::{Command, ExitCode};

use ups_track::{Child, Run, TrackCommand as _};

use crate::{Result, tell};

/// Joins or starts the run, records rows before and after its attached child, which does the same.
pub(crate) fn nest(depth: &str) -> Result {
    let depth: u32 = depth.parse()?;
    let run = Run::from_env()?;
    run.log(0, &[(format!("depth{depth}/before"), 1)]);
    if depth > 0 {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["nest", &(depth - 1).to_string()]);
        let mut child = command.track(&run, Child::Attached.name(format!("depth{}", depth - 1))).spawn()?;
        if !child.wait()?.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    run.log(1, &[(format!("depth{depth}/after"), 1)]);
    run.summarize(&[(format!("depth{depth}/done"), true)]);
    tell(&format!("{depth} {}", run.id()));
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a run with one child and waits for it.
pub(crate) fn track(kind: &str, program: &str, more: &[&str]) -> Result {
    let run = Run::builder().name("orchestrator").start()?;
    let options = match kind {
        "linked" => Child::Linked.into(),
        "linked-train" => Child::Linked.job_type("train").name("operator"),
        _ => Child::Attached.into(),
    };
    let started = Command::new(program).args(more).track(&run, options).spawn();
    let code = match started {
        Ok(mut child) => child.wait()?.code(),
        Err(e) => {
            tell(&format!("not started: {e}"));
            None
        }
    };
    tell(&format!("child {code:?} of {}", run.id()));
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Commands that are adjusted after they were tracked, and fail.
pub(crate) fn adjusted() -> Result {
    let run = Run::from_env()?;
    let script = "test \"$1\" = x && test \"$OWN\" = y && test -z \"$HOME\" && test -n \"$WANDB_CONTEXT_FILE\" && exit 3; exit 9";
    let mut command = Command::new("sh");
    let status = command
        .track(&run, Child::Attached.name("std"))
        .env_clear()
        .args(["-c", script, "sh"])
        .arg("x")
        .env("OWN", "y")
        .status()?;
    tell(&format!("std {:?}", status.code()));
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut command = ::tokio::process::Command::new("sh");
    let status = runtime.block_on(async {
        let mut tracked = command.track(&run, Child::Attached.name("tokio"));
        tracked.env_clear().args(["-c", script, "sh"]).arg("x").envs([("OWN", "y")]).status().await
    })?;
    tell(&format!("tokio {:?}", status.code()));
    // A key of the program's own, under the name of a child.
    run.log(0, &[("children/own/exit_code", 5)]);
    Command::new("false").track(&run, Child::Attached.name("own")).status()?;
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// The same with tokio's commands, each way to wait once.
pub(crate) fn tokio(program: &str, more: &[&str]) -> Result {
    use ::tokio::process::Command;
    let run = Run::from_env()?;
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let command = || {
            let mut command = Command::new(program);
            command.args(more);
            command
        };
        let status = command().track(&run, Child::Attached.name("status")).status().await?;
        let output = command().track(&run, Child::Attached.name("output")).output().await?;
        let mut child = command().track(&run, Child::Attached.name("spawn")).spawn()?;
        let waited = child.wait().await?;
        let again = child.try_wait()?;
        tell(&format!("{status} {} {waited} {again:?}", output.status));
        std::io::Result::Ok(())
    })?;
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a child in each way to wait for one, and tells how many of its rows are in the run's log then.
pub(crate) fn behind(rows: &str) -> Result {
    let run = Run::from_env()?;
    let program = std::env::current_exe()?;
    let there = |way: &str| -> Result<()> {
        let log = run.dir().ok_or("no directory")?.join(format!("run-{}.wandb", run.id()));
        let key = format!("{way}/value");
        let of_child = |kind: Option<ups_track::log::record::Kind>| match kind {
            Some(ups_track::log::record::Kind::History(row)) => row.item.iter().any(|item| item.key == key),
            _ => false,
        };
        let found = ups_track::log::Reader::open(&log)?.map_while(std::result::Result::ok);
        tell(&format!("{way} {}", found.filter(|entry| of_child(entry.record.kind.clone())).count()));
        run.log(0, &[(format!("after/{way}"), 1)]);
        Ok(())
    };
    let command = |way: &str| {
        let mut command = Command::new(&program);
        command.args(["rows", way, rows]).stdout(std::process::Stdio::null());
        command
    };
    command("status").track(&run, Child::Attached).status()?;
    there("status")?;
    command("output").track(&run, Child::Attached).output()?;
    there("output")?;
    command("wait").track(&run, Child::Attached).spawn()?.wait()?;
    there("wait")?;
    command("with_output").track(&run, Child::Attached).spawn()?.wait_with_output()?;
    there("with_output")?;
    let mut child = command("try_wait").track(&run, Child::Attached).spawn()?;
    while child.try_wait()?.is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    there("try_wait")?;
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let command = |way: &str| ::tokio::process::Command::from(command(way));
        command("tokio_status").track(&run, Child::Attached).status().await?;
        there("tokio_status")?;
        command("tokio_output").track(&run, Child::Attached).output().await?;
        there("tokio_output")?;
        command("tokio_wait").track(&run, Child::Attached).spawn()?.wait().await?;
        there("tokio_wait")?;
        command("tokio_with_output").track(&run, Child::Attached).spawn()?.wait_with_output().await?;
        there("tokio_with_output")
    })?;
    run.finish()?;
    Ok(ExitCode::SUCCESS)
}
