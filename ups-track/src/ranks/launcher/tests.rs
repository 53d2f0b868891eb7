#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn at(vars: &[(&str, &str)]) -> Result<Option<Rank>> {
    recognise(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

/// Launcher, rank, size, local rank and id.
type Short = (Launcher, u32, Option<u32>, Option<u32>, Option<String>);

fn short(vars: &[(&str, &str)]) -> Option<Short> {
    let rank = at(vars).unwrap()?;
    Some((rank.launcher, rank.rank, rank.size, rank.local_rank, rank.group_id))
}

fn id(id: &str) -> String {
    id.to_owned()
}

const TORCHRUN: &[(&str, &str)] = &[
    ("RANK", "5"),
    ("WORLD_SIZE", "8"),
    ("LOCAL_RANK", "1"),
    ("LOCAL_WORLD_SIZE", "4"),
    ("GROUP_RANK", "1"),
    ("MASTER_ADDR", "node1"),
    ("MASTER_PORT", "29500"),
    ("TORCHELASTIC_RUN_ID", "job7"),
    ("TORCHELASTIC_RESTART_COUNT", "0"),
];

const SLURM: &[(&str, &str)] = &[
    ("SLURM_JOB_ID", "1234"),
    ("SLURM_STEP_ID", "2"),
    ("SLURM_PROCID", "3"),
    ("SLURM_LOCALID", "1"),
    ("SLURM_NTASKS", "8"),
    ("SLURM_STEP_NUM_TASKS", "8"),
];

#[test]
fn each_launcher() {
    assert_eq!(short(&[]), None);
    assert_eq!(short(TORCHRUN), Some((Launcher::Torchrun, 5, Some(8), Some(1), Some(id("job7")))));
    assert_eq!(short(SLURM), Some((Launcher::Slurm, 3, Some(8), Some(1), Some(id("1234.2")))));
    let open_mpi = [
        ("OMPI_COMM_WORLD_RANK", "2"),
        ("OMPI_COMM_WORLD_SIZE", "4"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
        ("PMIX_NAMESPACE", "prterun-node1-77@1"),
        ("PMIX_RANK", "2"),
    ];
    assert_eq!(
        short(&open_mpi),
        Some((Launcher::OpenMpi, 2, Some(4), Some(0), Some(id("prterun-node1-77@1"))))
    );
    let old_open_mpi =
        [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2"), ("OMPI_MCA_ess_base_jobid", "99")];
    assert_eq!(short(&old_open_mpi), Some((Launcher::OpenMpi, 0, Some(2), None, Some(id("99")))));
    let mpich = [("PMI_RANK", "7"), ("PMI_SIZE", "8"), ("MPI_LOCALRANKID", "7")];
    assert_eq!(short(&mpich), Some((Launcher::Mpich, 7, Some(8), Some(7), None)));
    assert_eq!(short(&[("PMI_ID", "1")]), Some((Launcher::Mpich, 1, None, None, None)));
    let pmix = [("PMIX_RANK", "1"), ("PMIX_NAMESPACE", "prte.9")];
    assert_eq!(short(&pmix), Some((Launcher::Pmix, 1, None, None, Some(id("prte.9")))));
    let indexed =
        [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("JOB_COMPLETION_INDEX", "4"), ("HOSTNAME", "train-4")];
    assert_eq!(short(&indexed), Some((Launcher::Kubernetes, 4, None, None, Some(id("train")))));
    let sized = [&indexed[..], &[("WORLD_SIZE", "6")]].concat();
    assert_eq!(short(&sized), Some((Launcher::Kubernetes, 4, Some(6), None, Some(id("train")))));
    assert_eq!(short(&[("JOB_COMPLETION_INDEX", "4")]), None);
}

#[test]
fn the_innermost_launcher_counts() {
    let nested = [TORCHRUN, SLURM].concat();
    assert_eq!(short(&nested).unwrap().0, Launcher::Torchrun);
    // `mpiexec` starts its helpers with `srun`: SLURM's rank is that of the helper.
    let hydra = [&[("PMI_RANK", "6"), ("PMI_SIZE", "16")][..], SLURM].concat();
    assert_eq!(short(&hydra), Some((Launcher::Mpich, 6, Some(16), None, Some(id("1234")))));
    let own_pmi = [&[("PMI_RANK", "3"), ("PMI_SIZE", "8"), ("PMI_JOBID", "1234.2")][..], SLURM].concat();
    assert_eq!(short(&own_pmi).unwrap().0, Launcher::Slurm);
    let own_pmix = [&[("PMIX_RANK", "3"), ("PMIX_NAMESPACE", "slurm.pmix.1234.2")][..], SLURM].concat();
    assert_eq!(short(&own_pmix), Some((Launcher::Slurm, 3, Some(8), Some(1), Some(id("1234.2")))));
    // A group of one inside a step of eight: eight programs, each alone.
    let alone = [&[("RANK", "0"), ("WORLD_SIZE", "1")][..], SLURM].concat();
    assert_eq!(short(&alone), None);
}

#[test]
fn a_process_alone_under_slurm() {
    // A batch script.
    let script = [("SLURM_JOB_ID", "1"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "8")];
    assert_eq!(short(&script), None);
    for special in ["4294967291", "4294967290", "4294967292"] {
        assert_eq!(short(&[&script[..], &[("SLURM_STEP_ID", special)]].concat()), None);
    }
    // `srun -n1` in a job of eight.
    let one = [&script[..], &[("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "1")]].concat();
    assert_eq!(short(&one), None);
}

#[test]
fn a_name_that_means_something_else() {
    assert_eq!(short(&[("RANK", "lora-16")]), None);
    assert_eq!(short(&[("WORLD_SIZE", "8")]), None);
    assert_eq!(short(&[("RANK", ""), ("WORLD_SIZE", "8")]), None);
}

#[test]
fn bad_values_are_told() {
    for (vars, told) in [
        (
            [("RANK", "8"), ("WORLD_SIZE", "8")],
            ["RANK", "`8`", "less than the number of ranks, 8 (WORLD_SIZE)"],
        ),
        ([("RANK", "one"), ("WORLD_SIZE", "8")], ["RANK", "`one`", "must be a whole number"]),
        ([("RANK", "-1"), ("WORLD_SIZE", "8")], ["RANK", "`-1`", "must be a whole number"]),
        ([("RANK", "0"), ("WORLD_SIZE", "0")], ["WORLD_SIZE", "`0`", "at least 1"]),
        (
            [("OMPI_COMM_WORLD_RANK", "4"), ("OMPI_COMM_WORLD_SIZE", "4")],
            ["OMPI_COMM_WORLD_RANK", "`4`", "less"],
        ),
        ([("PMI_RANK", "x"), ("PMI_SIZE", "4")], ["PMI_RANK", "`x`", "UPS_TRACK_RANKS=alone"]),
    ] {
        let text = at(&vars).unwrap_err().to_string();
        assert!(told.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn the_id_that_a_person_gives() {
    let vars = [&[("UPS_TRACK_RANKS_ID", "night")][..], SLURM].concat();
    assert_eq!(at(&vars).unwrap().unwrap().group_id(), Some("night"));
}

#[test]
fn starts_of_one_id_are_told_apart() {
    let start = |vars: &[&[(&str, &str)]]| at(&vars.concat()).unwrap().unwrap().fingerprint();
    let again: &[(&str, &str)] = &[("SLURM_RESTART_COUNT", "1")];
    assert_ne!(start(&[SLURM]), start(&[SLURM, again]));
    let port: &[(&str, &str)] = &[("MASTER_PORT", "29501")];
    assert_ne!(start(&[TORCHRUN]), start(&[port, TORCHRUN]));
    // On one host all see the same count of restarts; on several they may not.
    let again: &[(&str, &str)] = &[("TORCHELASTIC_RESTART_COUNT", "1")];
    let local: &[(&str, &str)] = &[("LOCAL_WORLD_SIZE", "8")];
    assert_ne!(start(&[local, TORCHRUN]), start(&[local, again, TORCHRUN]));
    assert_eq!(start(&[TORCHRUN]), start(&[again, TORCHRUN]));
}

#[test]
fn a_rank_that_was_only_inherited() {
    let rank = at(SLURM).unwrap().unwrap();
    let with = |parent: &str| {
        Rank::from_vars(&|name| match name {
            super::super::PARENT => Some(parent.to_owned()),
            _ => SLURM.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
        })
    };
    assert_eq!(with(&rank.fingerprint()).unwrap(), None);
    assert_eq!(with("slurm 0/8 1234.2").unwrap(), Some(rank));
}

proptest! {
    #[test]
    fn nothing_panics(values in prop::collection::vec("[0-9a-z.:-]{0,12}", 4), which in 0..6_usize) {
        let names = [
            ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"],
            ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "PMIX_NAMESPACE"],
            ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "PMI_JOBID"],
            ["PMIX_RANK", "PMIX_NAMESPACE", "SLURM_PROCID", "SLURM_NTASKS"],
            ["SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_ID", "SLURM_JOB_ID"],
            ["JOB_COMPLETION_INDEX", "KUBERNETES_SERVICE_HOST", "HOSTNAME", "WORLD_SIZE"],
        ];
        let vars: Vec<_> = names.into_iter().nth(which).unwrap().into_iter().zip(values.iter().map(String::as_str)).collect();
        if let Ok(Some(rank)) = at(&vars) {
            prop_assert!(rank.size.is_none_or(|size| rank.rank < size && size > 1));
        }
    }
}
