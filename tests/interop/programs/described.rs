//! What describes a run: config, names, console, alerts, files.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ups_track::{Run, RunConfig, Stream, alert, config, file, metric, summary};

use crate::Result;

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    optimizer: Optimizer,
    layers: Vec<BTreeMap<&'static str, u32>>,
}

#[derive(RunConfig)]
struct Optimizer {
    name: &'static str,
    betas: Vec<f64>,
    schedule: Schedule,
}

#[derive(RunConfig)]
struct Schedule {
    warmup: u32,
    decay: Option<f64>,
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn nested_config(run: &Run) -> Result {
    let schedule = Schedule { warmup: 100, decay: None };
    let optimizer = Optimizer { name: "adam", betas: vec![0.9, 0.999], schedule };
    let layers = [64, 128].map(|width| BTreeMap::from([("width", width)]));
    config!(..Hyper { lr: 1e-3, optimizer, layers: layers.into() });
    run.update_config(&[("flags", BTreeMap::from([("amp", true), ("compile", false)]))]);
    run.update_config(&[("a.b", "a dot")]);
    run.update_config(&[("empty", BTreeMap::<&str, bool>::new())]);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn config_updates(run: &Run) -> Result {
    #[derive(RunConfig)]
    struct Data {
        name: &'static str,
        samples: u32,
    }
    #[derive(RunConfig)]
    struct First {
        epochs: u32,
        data: Data,
    }
    config!(..First { epochs: 10, data: Data { name: "burgers", samples: 64 } });
    config!(epochs = 20, seed = 7);
    metric!(step = 0_u32, loss = f64::from(1_u8) / 2.0);
    run.update_config(&[("data", BTreeMap::from([("samples", 128)]))]);
    run.update_config(&[("late", vec![1, 2])]);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn described(run: &Run) -> Result {
    metric!(step = 0_u32, loss = f64::from(1_u8) / 2.0);
    run.add_tags(["two"]);
    run.set_name("Another näme");
    run.set_notes("other notes");
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn environment(_: &Run) -> Result {
    summary!(done = true);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn unicode(run: &Run) -> Result {
    config!(text = "漢字 \u{1} \u{2028} é");
    run.log(0_u32, &[("loss", 0.5), ("größe", 1.5)]);
    summary!(verdict = "gut 👍 \"quoted\"");
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn console(run: &Run) -> Result {
    run.write_console(Stream::Stdout, "first line\n");
    for percent in [0, 50, 100] {
        run.write_console(Stream::Stdout, format!("\rprogress {percent:3}%"));
    }
    run.write_console(Stream::Stdout, "\n\u{1b}[31mred\u{1b}[0m and \u{1b}[1;32mgreen\u{1b}[0m\n");
    run.write_console(Stream::Stderr, "to stderr: naïve 🚀\n");
    run.write_console(Stream::Stdout, "two\nlines\n\nlonger text\rshort\nno newline at the end");
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn alerts(_: &Run) -> Result {
    alert!("Information", "nothing to do");
    alert!(level = warn, wait = Duration::from_secs(30), "Warning", "the loss grows");
    alert!(level = error, wait = Duration::ZERO, "Error", "näin ei käy {}", '🚀');
    alert!("Information", "again");
    Ok(())
}

pub(crate) fn files(_: &Run) -> Result {
    let content = |policy: &str| [(0..=255).collect::<Vec<u8>>().repeat(100), policy.into()].concat();
    fs::create_dir_all("deep/er")?;
    for policy in ["now", "end", "live"] {
        fs::write(format!("deep/er/{policy} é.bin"), content(policy))?;
    }
    file!("deep/er/now é.bin", policy = now);
    file!("deep/er/end é.bin", policy = end);
    file!("deep/er/live é.bin", policy = live);
    fs::write("empty.txt", "")?;
    file!("empty.txt", policy = now);
    Ok(())
}

pub(crate) fn changing_file(_: &Run) -> Result {
    fs::write("end.txt", "first")?;
    fs::write("live.txt", "first")?;
    file!("end.txt", policy = end);
    file!("live.txt", policy = live);
    metric!(step = 0_u32, loss = f64::from(1_u8) / 2.0);
    fs::write("end.txt", "second: end")?;
    fs::write("live.txt", "second: live")?;
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all programs")]
pub(crate) fn long_text(run: &Run) -> Result {
    let text = "long é ".repeat(20_000);
    run.set_notes(&text);
    config!(text = text.clone(), list = (0..5000).collect::<Vec<u32>>());
    summary!(text = text);
    Ok(())
}
