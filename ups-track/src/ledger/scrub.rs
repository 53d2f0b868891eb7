//! Secrets go before anything becomes a record.

use crate::log::record;
use crate::recorder::Op;
use crate::secrets::{clean_text, scrub, scrub_cell, scrub_scalar};

/// Replaces the secrets in what was recorded.
pub(super) fn op(op: &mut Op) {
    match op {
        Op::Summary { values, .. } | Op::Found(values) => {
            for (name, value) in values {
                scrub_scalar(name, value);
            }
        }
        Op::Config(entries) => entries.iter_mut().for_each(|(name, value)| scrub(name, value)),
        Op::Alert(alert) => {
            clean_text(&mut alert.title);
            clean_text(&mut alert.text);
        }
        Op::Table { table, .. } => {
            for row in &mut table.rows {
                for (column, cell) in table.columns.iter().zip(row) {
                    scrub_cell(column, cell);
                }
            }
        }
        Op::Console { text, .. } | Op::Notes(text) | Op::Name(text) => clean_text(text),
        Op::Tags(tags) => tags.iter_mut().for_each(clean_text),
        // Numbers, and names that the program gives its parts.
        Op::Row { .. }
        | Op::Define(_)
        | Op::File { .. }
        | Op::StageOpened(_)
        | Op::Refused(_)
        | Op::Warned => {}
    }
}

/// Replaces the secrets in a run record, but for its config, which is scrubbed as values.
pub(crate) fn run(mut run: record::Run) -> record::Run {
    let texts = [&mut run.display_name, &mut run.notes, &mut run.run_group, &mut run.job_type, &mut run.host];
    texts.into_iter().chain(&mut run.tags).for_each(clean_text);
    run
}

/// Replaces the secrets in what is told of the machine and the program. The arguments have a rule of their own.
pub(crate) fn environment(mut environment: record::Environment) -> record::Environment {
    let e = &mut environment;
    let texts = [
        &mut e.docker,
        &mut e.program,
        &mut e.email,
        &mut e.root,
        &mut e.host,
        &mut e.username,
        &mut e.executable,
    ];
    texts.into_iter().chain(e.slurm.values_mut()).for_each(clean_text);
    crate::secrets::scrub_args(&mut e.args);
    environment
}
