//! Which files of a run are to be sent when: at once, whenever they change, or at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use super::errand::Errand;
use super::files::{self, Outcome, is_inside, with_slashes};
use crate::kinds::file::FilePolicy;
use crate::log::record::FileItem;
use crate::upload::server::Target;
use crate::upload::state::Shared;
use crate::upload::{Client, Failure};

/// Time between two looks at files that change.
const LOOK: Duration = Duration::from_secs(10);

/// The file that describes the machine.
const METADATA: &str = "wandb-metadata.json";

/// What tells whether a file has changed, without reading it.
type Stamp = (u64, Option<SystemTime>);

/// The files of a run.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) dir: PathBuf,
    /// Whether the run goes on, so that files may be sent before its end.
    live: bool,
    /// All that the log has named.
    names: BTreeSet<String>,
    /// Those that are to be sent now.
    soon: BTreeSet<String>,
    /// Those that are sent again when they change.
    watched: BTreeSet<String>,
    /// What was sent, as it was then.
    sent: BTreeMap<String, Stamp>,
    looked: Instant,
    on_way: BTreeMap<String, Stamp>,
    errand: Errand<Outcome>,
    /// Files that are on the server, of which the stream does not know yet.
    pub(crate) fresh: Vec<String>,
}

impl Shelf {
    pub(crate) fn new(dir: PathBuf, live: bool) -> Self {
        Self {
            dir,
            live,
            names: BTreeSet::new(),
            soon: BTreeSet::new(),
            watched: BTreeSet::new(),
            sent: BTreeMap::new(),
            looked: Instant::now(),
            on_way: BTreeMap::new(),
            errand: Errand::default(),
            fresh: Vec::new(),
        }
    }

    /// What describes the machine is of use while the run goes on.
    pub(crate) fn begin(&mut self) {
        if stamp(&self.dir, METADATA).is_some() {
            self.soon.insert(METADATA.to_owned());
        }
    }

    /// Takes a file that the log names.
    pub(crate) fn take(&mut self, mut file: FileItem) {
        file.path = with_slashes(file.path);
        if self.live && file.policy != FilePolicy::End.wire() {
            self.soon.insert(file.path.clone());
            if file.policy == FilePolicy::Live.wire() {
                self.watched.insert(file.path.clone());
            }
        }
        self.names.insert(file.path);
    }

    /// Takes a file that follows from the log.
    pub(crate) fn add(&mut self, name: &str) {
        self.names.insert(name.to_owned());
        // It was just written anew.
        self.sent.remove(name);
    }

    /// Goes on, without waiting.
    pub(crate) async fn go_on(
        &mut self,
        client: &Rc<Client>,
        target: &Target,
        book: &Shared,
        interval: Duration,
    ) -> Result<(), Failure> {
        if let Some(ended) = self.errand.ended().await {
            self.settle(ended?);
        }
        if self.looked.elapsed() >= LOOK.min(interval) {
            self.looked = Instant::now();
            let changed =
                |name: &&String| stamp(&self.dir, name).is_some_and(|now| self.sent.get(*name) != Some(&now));
            self.soon.extend(self.watched.iter().filter(changed).cloned().collect::<Vec<_>>());
        }
        if self.errand.is_free() && !self.soon.is_empty() {
            let names = std::mem::take(&mut self.soon);
            self.on_way = stamps(&self.dir, &names);
            let (client, target, book) = (Rc::clone(client), target.clone(), Rc::clone(book));
            self.errand.begin(files::send(
                client,
                target,
                self.dir.clone(),
                names.into_iter().collect(),
                book,
            ));
        }
        Ok(())
    }

    /// Waits for what is on its way, so that it is known whether it arrived.
    pub(crate) async fn settle_errand(&mut self) {
        if let Some(Ok(outcome)) = self.errand.end().await {
            self.settle(outcome);
        }
    }

    /// What came of the files that were on their way. Those that are missing or failed are tried again at the end.
    fn settle(&mut self, outcome: Outcome) -> Outcome {
        for name in &outcome.there {
            if let Some(stamp) = self.on_way.remove(name) {
                self.sent.insert(name.clone(), stamp);
            }
        }
        self.on_way.clear();
        self.fresh.extend(outcome.there.iter().cloned());
        outcome
    }

    /// Sends what is not there yet, and waits for it. `progress` hears how many files these are.
    pub(crate) async fn end(
        &mut self,
        client: &Rc<Client>,
        target: &Target,
        book: &Shared,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Outcome, Failure> {
        self.settle_errand().await;
        let is_there =
            |name: &String| self.sent.get(name).is_some_and(|sent| stamp(&self.dir, name) == Some(*sent));
        let (there, rest): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.names).into_iter().partition(is_there);
        progress(rest.len());
        self.on_way = stamps(&self.dir, &rest);
        let (client, book) = (Rc::clone(client), Rc::clone(book));
        let outcome =
            files::send(client, target.clone(), self.dir.clone(), rest.into_iter().collect(), book).await?;
        let mut outcome = self.settle(outcome);
        outcome.there.extend(there);
        Ok(outcome)
    }
}

fn stamp(dir: &Path, name: &str) -> Option<Stamp> {
    let file = is_inside(name).then(|| dir.join(name))?.metadata().ok()?;
    Some((file.len(), file.modified().ok()))
}

fn stamps(dir: &Path, names: &BTreeSet<String>) -> BTreeMap<String, Stamp> {
    names.iter().filter_map(|name| Some((name.clone(), stamp(dir, name)?))).collect()
}
