//! Processes of this machine: when this one began, and which one has started it as a rank.

#[cfg(target_os = "linux")]
pub(super) use linux::{born, starter};

#[cfg(not(target_os = "linux"))]
pub(super) fn born() -> Option<std::time::SystemTime> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn starter(_: &str) -> Option<Starter> {
    None
}

/// The process that has started this one as a rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Starter {
    /// Tells it from every other process, of other containers and before the machine was started, too.
    pub(super) id: String,
    /// How many processes lie between it and this one.
    pub(super) distance: usize,
    /// What its program is called.
    pub(super) name: String,
}

/// The process that has the tasks of a step of SLURM on one machine.
pub(super) const SLURM: &str = "slurmstepd";

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::{SLURM, Starter};

    /// Programs that start others in one another's place: more are not looked at.
    const MOST_ANCESTORS: usize = 64;

    /// What the system tells of a process.
    struct Stat {
        parent: u32,
        /// When it began, in clock ticks since the machine has started.
        began: u64,
    }

    impl Stat {
        fn of(process: &str) -> Option<Self> {
            // The program's name, which may hold anything, ends with the last bracket.
            let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
            let parent = fields.nth(1)?.parse().ok()?;
            Some(Self { parent, began: fields.nth(17)?.parse().ok()? })
        }
    }

    /// The moment at which this process began; none where the system does not tell.
    pub(in super::super) fn born() -> Option<SystemTime> {
        let ticks = Stat::of("self")?.began;
        #[expect(
            unsafe_code,
            reason = "std tells neither the length of a tick nor the time since the machine has started"
        )]
        // SAFETY: `sysconf` has no preconditions; `time` is a valid, writable `timespec`.
        let (per_second, up) = unsafe {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            let failed = libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) != 0;
            (libc::sysconf(libc::_SC_CLK_TCK), (!failed).then_some(time)?)
        };
        let per_second = u64::try_from(per_second).ok().filter(|n| *n > 0)?;
        let up = Duration::new(u64::try_from(up.tv_sec).ok()?, u32::try_from(up.tv_nsec).ok()?);
        let began = Duration::from_nanos(ticks.checked_mul(1_000_000_000)? / per_second);
        SystemTime::now().checked_sub(up.checked_sub(began)?)
    }

    /// The nearest ancestor that does not have `variable`, which a launcher gives to ranks alone: shells and other
    /// programs may stand between a launcher and its rank. None if that cannot be told.
    pub(in super::super) fn starter(variable: &str) -> Option<Starter> {
        let mut parent = Stat::of("self")?.parent;
        for distance in 0..MOST_ANCESTORS {
            // Outside of this container.
            let pid = Some(parent).filter(|pid| *pid > 0)?.to_string();
            let stat = Stat::of(&pid)?;
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned();
            if is_launcher(&pid, &name, variable)? {
                let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
                let namespace = fs::read_link(Path::new("/proc/self/ns/pid")).ok()?;
                let id = format!("{} {} {pid} {}", boot.trim(), namespace.display(), stat.began);
                return Some(Starter { id, distance, name });
            }
            parent = stat.parent;
        }
        None
    }

    /// Whether a process is that launcher, and no rank of it. None if nobody can tell: its variables are hidden, as those
    /// of a program that runs containers for a rank may be, or something else is written over them.
    fn is_launcher(pid: &str, name: &str, variable: &str) -> Option<bool> {
        // It is root's, and no user sees its variables.
        if name == SLURM {
            return Some(true);
        }
        let variables = fs::read(format!("/proc/{pid}/environ")).ok()?;
        if has(&variables, variable) {
            return Some(false);
        }
        has(&variables, "PATH").then_some(true)
    }

    fn has(variables: &[u8], name: &str) -> bool {
        let name = name.as_bytes();
        variables
            .split(|b| *b == 0)
            .any(|entry| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"=")))
    }

    #[cfg(test)]
    #[expect(clippy::unwrap_used, reason = "tests")]
    mod tests {
        use super::*;

        #[test]
        fn before_now_and_not_long_ago() {
            let age = SystemTime::now().duration_since(born().unwrap()).unwrap();
            assert!(age < Duration::from_hours(1), "{age:?}");
        }

        #[test]
        fn the_nearest_without_the_variable() {
            let parent = starter("UPS_TRACK_NOBODY_HAS_THIS").unwrap();
            assert_eq!(parent.distance, 0);
            let pid = std::os::unix::process::parent_id().to_string();
            assert_eq!(parent.id.split(' ').nth(2), Some(pid.as_str()), "{}", parent.id);
            // What everybody has leads further up, or nowhere.
            assert!(starter("PATH").is_none_or(|far| far.id != parent.id));
        }

        #[test]
        fn names_of_variables_are_whole() {
            let variables = b"A_RANK=1\0RANKS=2\0RANK=\0";
            assert!(has(variables, "RANK") && has(variables, "A_RANK"));
            assert!(!has(variables, "RAN") && !has(variables, "K") && !has(b"", "RANK"));
        }
    }
}
