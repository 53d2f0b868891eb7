#!/usr/bin/env bash
# Runs the rank tests under the launchers themselves: Open MPI's and MPICH's mpirun, and SLURM on this machine.
#
#     tests/launchers/run.sh                 what is missing is installed, from Debian's packages (as root)
#     tests/launchers/run.sh <test's name>   one of them
#
# SLURM's daemons have a directory of their own, listen on the loopback interface, and end with this script.
set -euo pipefail

cd "$(dirname "$0")/../.."

missing=()
for need in mpirun.openmpi:openmpi-bin mpirun.mpich:mpich srun:slurm-client slurmctld:slurmctld slurmd:slurmd munged:munge; do
    PATH=$PATH:/usr/sbin command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
done
if ((${#missing[@]})); then
    if [[ $(id -u) != 0 ]]; then
        echo "install these first: ${missing[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
fi
export PATH=$PATH:/usr/sbin

dir=$(mktemp -d)
host=$(hostname -s)

end() {
    local file
    # Whatever runs under SLURM ends before its daemons do.
    scancel --quiet --user="$(id -un)" 2>/dev/null || true
    for file in slurmd slurmctld munged; do
        if [[ -s $dir/$file.pid ]]; then
            kill "$(cat "$dir/$file.pid")" 2>/dev/null || true
            while [[ -s $dir/$file.pid ]] && kill -0 "$(cat "$dir/$file.pid" 2>/dev/null || echo x)" 2>/dev/null; do sleep 0.1; done
        fi
    done
    rm -rf "$dir"
}
trap end EXIT

# One machine, more processors than there are, whatever the tests ask for at once.
cat >"$dir/slurm.conf" <<CONF
ClusterName=ranks
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=32 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf

mkdir "$dir/state" "$dir/spool"
(umask 077 && head -c 128 /dev/urandom >"$dir/munge.key")
chmod 755 "$dir"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munged.seed"
slurmctld -c
slurmd
for ((tries = 0; tries < 100; tries++)); do
    if [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]]; then break; fi
    sleep 0.1
done
if ((tries == 100)); then
    echo "SLURM does not come to life:" >&2
    tail -n 20 "$dir"/*.log >&2
    exit 1
fi

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
cargo test --locked -p ups-track-tests --features launchers --test launchers -- "$@"
