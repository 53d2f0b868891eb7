//! The upload of a run, record by record.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use super::alive::alive;
use super::begin::{NO_PROJECT, Start, places, start};
use super::log::{Beside, Progress, Sent};
use super::output::{Output, create_dir};
use super::run::{Console, Described, Finished, LineForm, Names, Rows, event};
use super::server::operations::{Bucket, Past};
use super::state::{Book, Memory, Shared, replace};
use super::stream::{Extras, Lane, Stream};
use super::teller::{Heard, Teller};
use super::transfer::{Alerts, Errand, Outcome, Shelf};
use super::{Client, Failure, Writer};
use crate::log::record::{Exit, Kind, Timestamp};
use crate::say;

/// Time for which changes of the description are gathered before the server is told.
const SETTLING: Duration = Duration::from_secs(5);

/// How long a failed upload waits for what is on its way.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How a log is sent.
#[derive(Debug)]
pub(super) struct Manner {
    /// While it is being written.
    pub(super) live: bool,
    /// As one of several of its run.
    pub(super) writer: Option<Writer>,
}

/// The upload of a run.
pub(super) struct Upload {
    /// Whether the run goes on meanwhile.
    live: bool,
    writer: Option<Writer>,
    client: Rc<Client>,
    book: Shared,
    pub(super) stream: Stream,
    bucket: Bucket,
    described: Described,
    teller: Teller,
    /// Since when there is something that the server was not told.
    untold: Option<Instant>,
    describing: Errand<Heard>,
    summary_changed: bool,
    rows: Rows,
    console: Console,
    output: Option<Output>,
    shelf: Shelf,
    alerts: Alerts,
    preempting: Preempting,
    pub(super) exit: Option<Exit>,
    pub(super) sent: Sent,
}

/// Whether the machine is being taken away, and the server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preempting {
    No,
    Untold,
    Told,
}

impl Upload {
    /// Makes or finds the run on the server, and finds out what it has of this log.
    pub(super) async fn begin(
        client: &Rc<Client>,
        log: &Path,
        mut described: Described,
        mut memory: Memory,
        manner: Manner,
    ) -> Result<Self, Failure> {
        let Manner { live, writer } = manner;
        let mut start = start(client, &mut described, &memory, writer.is_some()).await?;
        let run = described.run.clone();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (entity, project) = (some(&run.entity), some(&run.project));
        let names = Names {
            storage_id: start.storage_id.as_deref(),
            entity: entity.as_deref(),
            project: project.as_deref(),
            run: &run.run_id,
        };
        let server = client.address().base();
        let there = look_around(client, &mut described, &start, writer.as_ref()).await?;
        let mut teller = Teller::begin(log, server, &described, there.as_ref());
        // Of a log that only goes on with a run its end may not be the run's.
        let may_be_member = described.is_member || run.resume && !live;
        if let (true, Some(Past { entity: Some(entity), .. })) = (may_be_member, &there) {
            teller.ended = client.ended(entity, project.as_deref().unwrap_or(NO_PROJECT), names.run).await?;
        }
        let variables = teller.first(&mut described, &names, there.as_ref());
        let bucket = client.upsert(variables).await?;
        described.branch = None;
        let target = &bucket.target;
        teller.heard_first(target, &described);
        let alone = writer.is_some();
        let (sending, step) = places(client, log, &described, &memory, &bucket, &mut start, alone).await?;
        memory.begin(step, start.runtime, &sending)?;
        let structured = client.features().await.structured_console;
        let page = client.address().run_page(&target.entity, &target.project, &target.run);
        let sent = Sent { page, rows_before: sending.rows(), ..Sent::default() };
        let files_dir: PathBuf = log.parent().unwrap_or(Path::new("")).join("files");
        let mut shelf = Shelf::new(files_dir, live);
        if live && writer.as_ref().is_none_or(|writer| writer.primary) {
            shelf.begin();
        }
        let label = writer.as_ref().map(|writer| writer.label.clone());
        let label = label.or_else(|| client.preferences().label.clone());
        Ok(Self {
            live,
            writer,
            client: Rc::clone(client),
            stream: Stream::new(target, &sending).with_heartbeat(client.preferences().heartbeat),
            rows: Rows::new(step, start.runtime).with_floors(&sending.floors),
            book: Rc::new(RefCell::new(Book { memory, sending })),
            bucket,
            described,
            teller,
            untold: None,
            describing: Errand::default(),
            summary_changed: false,
            console: Console::new(LineForm { structured, label }),
            output: None,
            shelf,
            alerts: Alerts::default(),
            preempting: Preempting::No,
            exit: None,
            sent,
        })
    }

    /// Rows of the log that the server has.
    pub(super) fn rows_there(&self) -> u64 {
        self.book.borrow().sending.rows()
    }

    /// Sends the lines that there are.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        self.stream.send(&self.client, &self.book, &Extras::default()).await
    }

    /// What a run needs while it goes on: sends what is due, and never waits for anything but the lines.
    pub(super) async fn go_on(&mut self, interval: Duration) -> Result<(), Failure> {
        self.send_alerts().await?;
        let mut lines = Vec::new();
        self.console.look(Instant::now(), &mut lines);
        self.print(lines)?;
        let described = self.describing.ended().await;
        self.settle_description(described)?;
        if self.untold.is_some_and(|since| since.elapsed() >= SETTLING.min(interval))
            && self.describing.is_free()
        {
            self.begin_description(false);
        }
        let target = &self.bucket.target;
        if let Err(e) = self.shelf.go_on(&self.client, target, &self.book, interval).await {
            self.trouble(Beside::Files, e)?;
        }
        let urgent = self.preempting == Preempting::Untold;
        let more = self.summary_changed || !self.shelf.fresh.is_empty();
        if urgent || self.stream.is_due(interval, more) {
            let extras = Extras {
                summary: std::mem::take(&mut self.summary_changed).then(|| self.summary()),
                uploaded: std::mem::take(&mut self.shelf.fresh),
                preempting: urgent,
                exit_code: None,
            };
            self.stream.send(&self.client, &self.book, &extras).await?;
            if urgent {
                self.preempting = Preempting::Told;
            }
        }
        Ok(())
    }

    /// What goes wrong beside the lines does not stop those of a run that goes on, nor what a server refuses those of any; it
    /// is told, and the upload is not whole.
    fn trouble(&mut self, of: Beside, failure: Failure) -> Result<(), Failure> {
        if !self.live && !failure.is_refusal() {
            return Err(failure);
        }
        if self.live && self.sent.trouble.is_empty() {
            say::warning(&format!("something of the run is not sent: {failure}"));
        }
        self.sent.trouble.insert(of, failure.to_string());
        Ok(())
    }

    async fn send_alerts(&mut self) -> Result<(), Failure> {
        let sent = self.alerts.go_on(&self.client, &self.bucket.target, &self.book).await;
        self.settle_alert(sent)
    }

    fn settle_alert(&mut self, sent: Result<Option<String>, Failure>) -> Result<(), Failure> {
        match sent {
            Ok(refused) => {
                self.sent.refused_alerts.extend(refused);
                Ok(())
            }
            // Those that follow stay in the log, for a later upload.
            Err(e) if self.live => {
                self.alerts.stop();
                self.trouble(Beside::Alerts, e)
            }
            Err(e) => Err(e),
        }
    }

    /// Takes a record over if it is a row in the form in which this crate records it; false if it is anything else.
    pub(super) fn take_row(&mut self, raw: &[u8]) -> bool {
        let Some(line) = self.rows.raw_line(raw) else { return false };
        self.row(line);
        true
    }

    fn row(&mut self, line: String) {
        self.sent.rows += 1;
        self.stream.push(Lane::History, line);
        self.summary_changed = true;
    }

    /// Takes a record over.
    pub(super) async fn take(&mut self, kind: Kind, raw: &[u8]) -> Result<(), Failure> {
        match kind {
            Kind::History(row) => {
                let line = self.rows.line(&row);
                self.row(line);
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
            Kind::Files(files) => files.files.into_iter().for_each(|file| self.shelf.take(file)),
            Kind::Alert(alert) => {
                self.alerts.push(alert, &self.book);
                self.send_alerts().await?;
                while self.alerts.is_full() && self.one_alert().await? {}
            }
            Kind::Preempting(_) => self.preempting = Preempting::Untold,
            Kind::Exit(exit) => self.exit = Some(exit),
            Kind::Artifact(_) => self.sent.artifacts += 1,
            Kind::TensorBoard(_) => self.sent.tensorboard += 1,
            summary @ Kind::Summary(_) => {
                self.summary_changed = true;
                self.described.take(summary, raw);
            }
            describing => {
                self.untold.get_or_insert_with(Instant::now);
                self.described.take(describing, raw);
            }
        }
        Ok(())
    }

    /// Lines of the console go to the server and to `output.log`.
    fn print(&mut self, lines: Vec<Finished>) -> Result<(), Failure> {
        for Finished { line, text } in lines {
            if self.output.is_none() {
                let name = self.writer.as_ref().map_or_else(|| "output.log".to_owned(), Writer::output_name);
                self.output = Some(Output::create(&self.shelf.dir, &name)?);
            }
            if let Some(output) = &mut self.output {
                output.line(&text)?;
            }
            self.stream.push(Lane::Console, line);
        }
        Ok(())
    }

    /// Waits until an alert is through; false if there was none.
    async fn one_alert(&mut self) -> Result<bool, Failure> {
        let Self { alerts, client, bucket, book, stream, .. } = self;
        let one = alive(stream, client, book, alerts.one(client, &bucket.target, book)).await?;
        match one.transpose() {
            None => Ok(false),
            Some(sent) => self.settle_alert(sent).map(|()| true),
        }
    }

    /// What a run needs at its end: the rest of the lines, its last description, its files, and that it is over.
    pub(super) async fn end(&mut self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Sent, Failure> {
        let mut lines = Vec::new();
        self.console.finish(&mut lines);
        self.print(lines)?;
        self.flush().await?;
        progress(Progress::Rows(self.rows_there()));
        while self.one_alert().await? {}
        self.describe().await?;

        let summary = self.summary();
        self.write_files(&summary)?;
        let mut files = |files| progress(Progress::Files(files));
        let Self { shelf, client, bucket, book, stream, .. } = self;
        let sent = Box::pin(shelf.end(client, &bucket.target, book, &mut files));
        let sent = alive(stream, client, book, sent).await?;
        let (outcome, failure) = match sent {
            Ok(outcome) => (outcome, None),
            // The run is over, whatever becomes of its files.
            Err(e) if self.live || e.is_refusal() => (Outcome::default(), Some(e)),
            Err(e) => return Err(e),
        };
        self.sent.files = outcome;
        if failure.is_none() {
            // All were tried again.
            self.sent.trouble.remove(&Beside::Files);
        }

        // A log without an end is that of a run that was killed.
        let exit = self.exit.unwrap_or(Exit { exit_code: 1, ..Exit::default() });
        let exit_code = if self.finishes() && !self.described.is_of_member() {
            Some(exit.exit_code).filter(|_| !exit.not_complete)
        } else {
            // It is not this log's end that ends the run; but what had ended is not to go on because of it.
            self.teller.ended
        };
        let end = Extras {
            summary: Some(summary),
            uploaded: std::mem::take(&mut self.shelf.fresh),
            preempting: self.preempting == Preempting::Untold,
            exit_code,
        };
        self.stream.send(&self.client, &self.book, &end).await?;
        self.sent.exit_code = self.exit.map(|exit| exit.exit_code);
        self.sent.lines_too_long = self.stream.too_long();
        self.sent.rows_there = self.rows_there();
        match failure {
            None => Ok(std::mem::take(&mut self.sent)),
            Some(failure) => Err(failure),
        }
    }

    /// After a failure: what is on its way beside the lines may still arrive, and then it must not be sent again.
    pub(super) async fn settle(&mut self) {
        let errands = async {
            self.alerts.settle().await;
            self.shelf.settle_errand().await;
        };
        drop(tokio::time::timeout(LAST_WORDS, errands).await);
    }

    /// Remembers if all was sent but what can never be.
    pub(super) fn left_over(&self, log: &Path, sent: Result<Sent, Failure>) -> Result<Sent, Failure> {
        let sent = sent?;
        let leftover = sent.leftover(log);
        let mut book = self.book.borrow_mut();
        if leftover != book.sending.leftover {
            book.left_over(leftover)?;
        }
        drop(book);
        Ok(sent)
    }

    /// Begins to tell the server what has changed; `looks` also if nothing has, as others may have written over it.
    fn begin_description(&mut self, looks: bool) {
        self.untold = None;
        if self.teller.has_news(&self.described) || looks && self.teller.may_be_written_over() {
            let Bucket { id, target, .. } = &self.bucket;
            let (client, id, target) = (Rc::clone(&self.client), id.clone(), target.clone());
            let news = self.teller.news(&self.described);
            self.describing.begin(async move { news.tell(&client, &id, &target).await });
        }
    }

    fn settle_description(&mut self, ended: Option<Result<Heard, Failure>>) -> Result<(), Failure> {
        match ended {
            None => Ok(()),
            Some(Ok(heard)) => {
                self.teller.heard(&self.bucket.target, heard, &mut self.described);
                // What was not taken before is in this.
                self.sent.trouble.remove(&Beside::Description);
                Ok(())
            }
            Some(Err(e)) => self.trouble(Beside::Description, e),
        }
    }

    /// Waits until the server is told what it is being told.
    async fn until_described(&mut self) -> Result<Option<Result<Heard, Failure>>, Failure> {
        let Self { describing, client, book, stream, .. } = self;
        alive(stream, client, book, describing.end()).await
    }

    /// Tells the server what has changed since it was told last.
    async fn describe(&mut self) -> Result<(), Failure> {
        let ended = self.until_described().await?;
        self.settle_description(ended)?;
        self.begin_description(self.live);
        let ended = self.until_described().await?;
        self.settle_description(ended)
    }

    /// Whether the end of the log is that of the run.
    fn finishes(&self) -> bool {
        self.writer.as_ref().is_none_or(|writer| writer.finishes)
    }

    /// The summary as it stands. Its step is that of the last row.
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
        create_dir(&self.shelf.dir)?;
        let own: [(&str, Option<String>); 3] = [
            ("wandb-summary.json", Some(summary.to_owned())),
            ("config.yaml", Some(self.described.config_yaml())),
            ("wandb-metadata.json", self.described.metadata()),
        ];
        let is_primary = self.writer.as_ref().is_none_or(|writer| writer.primary);
        for (name, content) in own {
            if let (true, Some(content)) = (is_primary, content) {
                replace(&self.shelf.dir.join(name), content.as_bytes())?;
                self.shelf.add(name);
            }
        }
        if let Some(output) = self.output.take() {
            let name = output.complete()?;
            self.shelf.add(&name);
        }
        Ok(())
    }
}

/// What the server has of the run, with all that people may have written.
async fn look_around(
    client: &Client,
    described: &mut Described,
    start: &Start,
    writer: Option<&Writer>,
) -> Result<Option<Past>, Failure> {
    let there = match start.past() {
        // The answer to a rewind does not tell it.
        Some(past) if past.log_line_count.is_some() => Some(past.clone()),
        None if writer.is_none() => None,
        _ => super::begin::anything(client, &described.run).await?,
    };
    if let (Some(writer), Some(past)) = (writer, &there) {
        described.is_member = !writer.primary && past.is_run();
        described.inherit_config(past);
        described.keep_others(past);
    }
    Ok(there)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(0),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
