//! The upload of a run, record by record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::begin::{past, places, start};
use super::graphql::Bucket;
use super::log::{Progress, Sent};
use super::output::{Output, create_dir};
use super::run::{Console, Described, Finished, Names, Rows, event};
use super::state::{Memory, Sending, replace};
use super::stream::{End, Lane, Stream};
use super::{Client, Failure, files};
use crate::log::record::{Alert, Exit, Kind, Timestamp};

/// The upload of a run.
pub(super) struct Upload {
    client: Rc<Client>,
    memory: Memory,
    pub(super) sending: Sending,
    pub(super) stream: Stream,
    bucket: Bucket,
    described: Described,
    /// The mutation that the server has had last.
    told: serde_json::Value,
    rows: Rows,
    console: Console,
    output: Option<Output>,
    files: BTreeSet<String>,
    files_dir: PathBuf,
    alerts: u64,
    preempting: bool,
    pub(super) exit: Option<Exit>,
    pub(super) sent: Sent,
}

impl Upload {
    /// Makes or finds the run on the server, and finds out what it has of this log.
    pub(super) async fn begin(
        client: &Rc<Client>,
        log: &Path,
        mut described: Described,
        mut memory: Memory,
    ) -> Result<Self, Failure> {
        let mut start = start(client, &mut described, &memory).await?;
        let run = &described.run;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (entity, project) = (some(&run.entity), some(&run.project));
        let names = Names {
            storage_id: start.storage_id.as_deref(),
            entity: entity.as_deref(),
            project: project.as_deref(),
            run: &run.run_id,
        };
        let told = described.upsert(&names);
        let bucket = client.upsert(told.clone()).await?;
        described.branch = None;
        let target = &bucket.target;
        let past = past(client, &bucket, &mut start).await?;
        let server = client.address().base();
        let before = memory.sending(server, target).filter(|_| !bucket.inserted);
        let (mut sending, step) = places(before, past.as_ref(), log, Sending::new(server, target), &start)?;
        sending.rewound = start.rewound;
        memory.begin(step, start.runtime);
        memory.save(&sending)?;
        let page = client.address().run_page(&target.entity, &target.project, &target.run);
        let sent = Sent { page, rows_before: sending.history.lines, ..Sent::default() };
        Ok(Self {
            client: Rc::clone(client),
            stream: Stream::new(target, &sending),
            rows: Rows::new(step, start.runtime),
            memory,
            sending,
            bucket,
            described,
            told,
            console: Console::default(),
            output: None,
            files: BTreeSet::new(),
            files_dir: log.parent().unwrap_or(Path::new("")).join("files"),
            alerts: 0,
            preempting: false,
            exit: None,
            sent,
        })
    }

    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        self.stream.send(&self.client, &mut self.sending, &mut self.memory).await
    }

    /// Takes a record over.
    pub(super) async fn take(&mut self, kind: Kind, raw: &[u8]) -> Result<(), Failure> {
        match kind {
            Kind::History(row) => {
                self.sent.rows += 1;
                let line = self.rows.line(&row);
                self.stream.push(Lane::History, line);
            }
            Kind::Stats(stats) => {
                self.stream.push(Lane::Events, event(&stats, self.described.run.start_time));
            }
            Kind::OutputRaw(output) => {
                let time = output.timestamp.unwrap_or_else(now);
                let mut lines = Vec::new();
                self.console.feed(output.output_type == 0, time, &output.line, &mut lines);
                self.print(lines)?;
            }
            Kind::OutputLogger(output) => {
                let mut lines = Vec::new();
                self.console.lines(now(), &output.line, &mut lines);
                self.print(lines)?;
            }
            Kind::Files(files) => self.files.extend(files.files.into_iter().map(|file| file.path)),
            Kind::Alert(alert) => self.alert(&alert).await?,
            Kind::Preempting(_) => self.preempting = true,
            Kind::Exit(exit) => self.exit = Some(exit),
            Kind::Artifact(_) => self.sent.artifacts += 1,
            Kind::TensorBoard(_) => self.sent.tensorboard += 1,
            describing => self.described.take(describing, raw),
        }
        Ok(())
    }

    /// Lines of the console go to the server and to `output.log`.
    fn print(&mut self, lines: Vec<Finished>) -> Result<(), Failure> {
        for Finished { line, text } in lines {
            if self.output.is_none() {
                self.output = Some(Output::create(&self.files_dir)?);
            }
            if let Some(output) = &mut self.output {
                output.line(&text)?;
            }
            self.stream.push(Lane::Console, line);
        }
        Ok(())
    }

    async fn alert(&mut self, alert: &Alert) -> Result<(), Failure> {
        self.alerts += 1;
        if self.alerts > self.sending.alerts {
            match self.client.alert(&self.bucket.target, alert).await {
                Ok(()) => {}
                // A server that takes no alerts takes the rest.
                Err(e @ Failure::Refused { .. }) => self.sent.refused_alerts.push(e.to_string()),
                Err(e) => return Err(e),
            }
            self.sending.alerts = self.alerts;
            self.memory.save(&self.sending)?;
        }
        Ok(())
    }

    /// What a run needs at its end: the rest of the lines, its last description, its files, and that it is over.
    pub(super) async fn end(mut self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Sent, Failure> {
        let mut lines = Vec::new();
        self.console.finish(&mut lines);
        self.print(lines)?;
        self.flush().await?;
        progress(Progress::Rows(self.sending.history.lines));
        self.describe().await?;

        let summary = self.summary();
        self.write_files(&summary)?;
        let names: Vec<String> = std::mem::take(&mut self.files).into_iter().collect();
        progress(Progress::Files(names.len()));
        let target = &self.bucket.target;
        let (sending, memory) = (&mut self.sending, &mut self.memory);
        self.sent.files = files::send(&self.client, target, &self.files_dir, &names, sending, memory).await?;

        // A log without an end is that of a run that was killed.
        let exit = self.exit.unwrap_or(Exit { exit_code: 1, ..Exit::default() });
        let end = End {
            summary,
            uploaded: self.sent.files.there.clone(),
            preempting: self.preempting,
            exit_code: (!exit.not_complete).then_some(exit.exit_code),
        };
        self.stream.finish(&self.client, &mut self.sending, &mut self.memory, &end).await?;
        self.sent.exit_code = self.exit.map(|exit| exit.exit_code);
        self.sent.lines_too_long = self.stream.too_long();
        self.sent.rows_there = self.sending.history.lines;
        Ok(self.sent)
    }

    /// Tells the server what has changed since the run was made.
    async fn describe(&mut self) -> Result<(), Failure> {
        let Bucket { id, target, .. } = &self.bucket;
        let variables = self.described.upsert(&Names::known(id, target));
        let changed = |key: &&String| variables.get(*key) != self.told.get(*key);
        let named = ["id", "name", "project", "entity"];
        let keys = variables.as_object().into_iter().flat_map(serde_json::Map::keys);
        if keys.filter(|key| !named.contains(&key.as_str())).any(|key| changed(&key)) {
            self.client.upsert(variables).await?;
        }
        Ok(())
    }

    /// The last summary. Its step is that of the last row.
    fn summary(&mut self) -> String {
        if self.sent.rows > 0 {
            self.described.step(self.rows.last_step());
        }
        let mut summary = String::new();
        self.described.summary.write(&mut summary);
        summary
    }

    /// Writes the files that follow from the log, as W&B's client does.
    fn write_files(&mut self, summary: &str) -> Result<(), Failure> {
        create_dir(&self.files_dir)?;
        let written = [
            ("wandb-summary.json", Some(summary.to_owned())),
            ("config.yaml", Some(self.described.config_yaml())),
            ("wandb-metadata.json", self.described.metadata()),
        ];
        for (name, content) in written {
            if let Some(content) = content {
                replace(&self.files_dir.join(name), content.as_bytes())?;
                self.files.insert(name.to_owned());
            }
        }
        if let Some(output) = self.output.take() {
            output.complete()?;
            self.files.insert("output.log".to_owned());
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(0),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
