//! Starting a run as one rank of a group: which run it is, and whether this process records into it.

use super::{Run, RunBuilder};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::ledger::RankMark;
use crate::ranks::{Launcher, Meeting, Policy, Rank, Ranks};
use crate::say;
use crate::settings::{Mode, Resume, Settings, Sources, last_run_id, rules};
use crate::shards;

use crate::os::id;

/// What is known of a process before its settings are.
#[derive(Debug)]
pub(super) struct Place {
    rank: Option<(Rank, Policy)>,
    /// The run to record into, if it is another process's.
    pub(super) context: Option<Context>,
    /// The run's parent, if it is a run of its own.
    parent: Option<Context>,
    /// Where the other ranks are waiting for the run.
    pub(super) meeting: Option<Meeting>,
}

impl RunBuilder {
    /// Finds out which rank this is and which run of a pipeline it was given, and overrides settings accordingly.
    pub(super) fn take_place(&mut self, sources: &Sources) -> Result<Place> {
        let rank = self.find_rank(sources)?;
        let mut place = Place { rank, context: None, parent: None, meeting: None };
        match &place.rank {
            Some((rank, Policy { ranks: Ranks::First, .. })) if rank.rank() > 0 => {
                self.overrides.mode = Some(Mode::Disabled);
            }
            Some((_, Policy { ranks: Ranks::Linked, .. })) => {
                place.parent = self.find_context(sources)?;
                if let Some(parent) = &place.parent {
                    self.link_to(parent, sources);
                }
            }
            _ => place.context = self.join(sources)?,
        }
        Ok(place)
    }

    fn find_rank(&self, sources: &Sources) -> Result<Option<(Rank, Policy)>> {
        let policy = Policy::settle(self.ranks, sources)?;
        if policy.ranks == Ranks::Alone {
            return Ok(None);
        }
        let rank = Rank::from_vars(&|name| sources.var(name).map(|given| given.value))?;
        Ok(rank.map(|rank| (rank, policy)))
    }

    /// What the variables of a linked child would say.
    fn link_to(&mut self, parent: &Context, sources: &Sources) {
        let given = &mut self.overrides;
        // The environment may name the parent's run, for children that record into it.
        given.run_id.get_or_insert_with(id::generate);
        given.project = parent.project.clone().or_else(|| given.project.take());
        given.entity = parent.entity.clone().or_else(|| given.entity.take());
        given.group.get_or_insert_with(|| parent.group.clone().unwrap_or_else(|| parent.run_id.clone()));
        if given.mode.is_none() && sources.var("WANDB_MODE").is_none() {
            given.mode = parent.mode;
        }
    }

    /// Settles what a rank's place means for its settings; may wait for the run of rank 0.
    pub(super) fn settle_place(
        &self,
        mut place: Place,
        settings: &mut Settings,
        sources: &Sources,
    ) -> Result<Place> {
        let Some((rank, policy)) = place.rank.take() else { return Ok(place) };
        if settings.mode == Mode::Disabled {
            let is_asked =
                sources.var("WANDB_MODE").is_some_and(|mode| mode.value == Mode::Disabled.as_str());
            if !is_asked {
                tell_pod(&rank, &policy, settings);
            }
            return Ok(place);
        }
        match policy.ranks {
            Ranks::Shards => {
                settings.rank = Some(RankMark::new(rank.rank(), policy.labelled));
                let has_run = place.context.as_ref().is_some_and(|context| context.dir().is_some());
                if !has_run {
                    self.meet(&rank, &policy, &mut place, settings, sources)?;
                }
            }
            Ranks::Linked => {
                let is_named = self.is_named(sources);
                link(&rank, settings, is_named && place.parent.is_none())?;
                if let Some(parent) = &place.parent {
                    // That is the pipeline's run.
                    settings.symlink = false;
                    let tag = format!("parent:{}", parent.run_id());
                    settings.tags.push(tag.chars().take(64).collect());
                    if let Some(root) = parent.dir().and_then(|dir| dir.parent()) {
                        root.clone_into(&mut settings.root_dir);
                    }
                }
            }
            Ranks::Shared => {
                settings.rank = Some(RankMark::new(rank.rank(), policy.labelled));
                // What is on this machine needs no server in between.
                if place.context.as_ref().is_none_or(|context| context.dir().is_none()) {
                    let id = rank.start().run_id();
                    let id = if self.is_named(sources) { Some(settings.run_id.clone()) } else { id };
                    share(&rank, id, place.context.is_none(), settings)?;
                    settings.rank = settings.rank.take().map(RankMark::without_lines);
                }
            }
            Ranks::First | Ranks::Alone => {}
        }
        Ok(place)
    }

    /// Rank 0 will open the meeting; the others wait for it.
    fn meet(
        &self,
        rank: &Rank,
        policy: &Policy,
        place: &mut Place,
        settings: &mut Settings,
        sources: &Sources,
    ) -> Result<()> {
        let meeting = Meeting::next(&settings.root_dir, rank);
        if rank.rank() == 0 {
            match meeting.running() {
                Some(context) => place.context = Some(context),
                None => place.meeting = Some(meeting),
            }
        } else {
            match meeting.wait(policy.patience) {
                Ok(context) => place.context = Some(context),
                Err(reason) => {
                    say::warning(&format!(
                        "rank {} found no run of rank 0 to record into, and records a run of its own: {reason}",
                        rank.rank()
                    ));
                    settings.rank = None;
                    place.context = None;
                    return link(rank, settings, self.is_named(sources));
                }
            }
        }
        if let Some(context) = &place.context {
            become_part_of(context, settings);
        }
        Ok(())
    }

    /// Whether somebody has asked for a run id, which then is the same for every rank.
    fn is_named(&self, sources: &Sources) -> bool {
        self.overrides.run_id.is_some() || sources.find(None, &["WANDB_RUN_ID"], "run_id").is_some()
    }
}

impl Run {
    /// What this rank starts later is no part of the run of rank 0 any more, even if that goes on.
    pub(super) fn leave_seat(&self, exit_code: i32) {
        let shard = self.0.live.as_ref().and_then(|live| live.dir.shard.as_ref());
        if let (Some(shard), Some(_), 0) = (shard, self.0.rank, exit_code) {
            shards::leave(shard);
        }
    }
}

/// The run is that of another rank.
fn become_part_of(context: &Context, settings: &mut Settings) {
    context.run_id().clone_into(&mut settings.run_id);
    settings.project = context.project().map(str::to_owned);
    settings.entity = context.entity().map(str::to_owned);
    settings.group = context.group().map(str::to_owned);
}

/// Makes a run one of a group of runs, a rank each.
fn link(rank: &Rank, settings: &mut Settings, is_named: bool) -> Result<()> {
    let label = rank.label();
    settings.resume_file = format!("wandb-resume-{label}.json");
    if is_named {
        settings.run_id = format!("{}-{label}", settings.run_id);
        rules::run_id(&settings.run_id).map_err(|rule| {
            let from = format!("the run id that was asked for, and the rank ({})", rank.launcher());
            Error::from(Kind::Setting { what: "run id", value: settings.run_id.clone(), from, rule })
        })?;
    } else if settings.resume == Some(Resume::Auto) {
        let last = last_run_id(&settings.root_dir.join(&settings.resume_file));
        settings.run_id = last.unwrap_or_else(id::generate);
    }
    settings.name = Some(match &settings.name {
        Some(name) => format!("{name}-{label}"),
        None => label,
    });
    settings.group = settings.group.take().or_else(|| rank.start().group());
    if settings.group.is_none() && rank.rank() == 0 {
        say::warning(&format!(
            "{} does not tell which group of processes this is, so that nothing ties the runs of its ranks together; set WANDB_RUN_GROUP or UPS_TRACK_RANKS_ID",
            rank.launcher()
        ));
    }
    // One rank speaks for all, and has `latest-run`.
    settings.quiet |= rank.rank() > 0;
    settings.symlink &= rank.rank() == 0;
    let tag = format!("rank:{}", rank.rank());
    if !settings.tags.contains(&tag) {
        settings.tags.push(tag);
    }
    settings.config.entry("rank").or_insert_with(|| rank.rank().into());
    if let Some(size) = rank.size() {
        settings.config.entry("world_size").or_insert_with(|| size.into());
    }
    Ok(())
}

/// Makes a run one that all ranks write, each on its own. `is_own` if it is the group's, and not that of a pipeline.
fn share(rank: &Rank, id: Option<String>, is_own: bool, settings: &mut Settings) -> Result<()> {
    let refuse = |what, value: &str, rule: &str| {
        let from = format!("{} and the policy `shared`", rank.launcher());
        Err(Kind::Setting { what, value: value.to_owned(), from, rule: rule.to_owned() }.into())
    };
    if settings.mode == Mode::Offline && settings.mode_given {
        let rule = "does not go with ranks that meet on the server; use UPS_TRACK_RANKS=shards or linked";
        return refuse("mode", settings.mode.as_str(), rule);
    }
    let Some(id) = id else {
        let rule = "has no id that is the same for all ranks and for no other start: set WANDB_RUN_ID, or UPS_TRACK_RANKS_ID";
        return refuse("group of ranks", rank.group_id().unwrap_or_default(), rule);
    };
    settings.run_id = id;
    settings.mode = Mode::Shared;
    settings.mode_given = true;
    let first = rank.rank() == 0;
    settings.uplink.part.label.get_or_insert_with(|| rank.label());
    (settings.uplink.part.primary, settings.uplink.part.finishes) = (first && is_own, first && is_own);
    settings.quiet |= !first;
    settings.symlink &= first;
    settings.resume_file = format!("wandb-resume-{}.json", rank.label());
    Ok(())
}

/// The pods of an indexed job are often no group but programs of their own, and each has a console of its own: one line
/// says why nothing is recorded.
fn tell_pod(rank: &Rank, policy: &Policy, settings: &Settings) {
    let is_silent_pod =
        policy.ranks == Ranks::First && rank.rank() > 0 && rank.launcher() == Launcher::Kubernetes;
    if is_silent_pod && !settings.quiet {
        say::note(&format!(
            "index {} of an indexed job: index 0 records the run; with UPS_TRACK_RANKS=linked, or alone, every index does",
            rank.rank()
        ));
    }
}
