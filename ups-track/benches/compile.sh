#!/usr/bin/env bash
# What the macros cost at compile time: a crate with 200 `metric!` calls in 50 `#[track_stage]` functions beside the same
# crate with `tracing::info!` and `#[tracing::instrument]`. Counted are the user CPU seconds of rustc on that one crate
# (its dependencies are built before, cargo itself is not counted), the two in turn, and the median of the runs. At the
# end the macro crate: rustc on `ups-track-macros` alone, and with the crates that it needs.
#
#     compile.sh [runs] [folder]    with a folder, the generated crates stay there
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
runs=${1:-5}
dir=${2:-$(mktemp -d)}
[ $# -ge 2 ] || trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"
export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$dir/target" RUSTC_WRAPPER="$dir/rustc" TIMES="$dir/times"

# Runs rustc, and notes the user CPU seconds of each crate that it builds.
cat >"$dir/rustc" <<'WRAPPER'
#!/usr/bin/env bash
crate=-
previous=
for argument in "$@"; do
    [ "$previous" = --crate-name ] && crate=$argument
    previous=$argument
done
TIMEFORMAT="$crate %U"
{ time "$@" 2>&3; } 3>&2 2>>"$TIMES"
WRAPPER
chmod +x "$dir/rustc"

# The body of stage $1 of 50, with four calls. A third of the stages returns a `Result`, a sixth is `async`.
stage() {
    local n=$1 call field
    case $((n % 6)) in
        0 | 1) echo "pub fn stage_$n(epochs: u64, lr: f64) -> Result<f64, std::io::Error> {" ;;
        2) echo "pub async fn stage_$n(epochs: u64, lr: f64) -> Result<f64, std::io::Error> {" ;;
        *) echo "pub fn stage_$n(epochs: u64, lr: f64) {" ;;
    esac
    echo "    let mut loss = 1.0_f64;"
    echo "    for epoch in 0..epochs {"
    echo "        loss *= 1.0 - lr;"
    for call in 1 2 3 4; do
        field="part_$call"
        echo "        let $field = loss / $call.5;"
        echo "        $2!(step = epoch, loss, $field, half = loss / 2.0, lr = lr);"
    done
    echo "    }"
    [ $((n % 6)) -gt 2 ] || echo "    Ok(loss)"
    echo "}"
}

# Writes crate $1 with dependency $2, attribute $3 (%s is the name of the stage) and macro $4.
generate() {
    local n
    mkdir -p "$dir/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n%s\n' "$1" "$2" >"$dir/$1/Cargo.toml"
    for n in $(seq 1 50); do
        # shellcheck disable=SC2059
        printf "$3\n" "stage_$n"
        stage "$n" "$4"
    done >"$dir/$1/src/lib.rs"
    # What polls the futures, so that they are compiled to the end.
    {
        echo "pub fn futures() -> Vec<std::pin::Pin<Box<dyn Future<Output = Result<f64, std::io::Error>>>>> {"
        echo "    vec!["
        for n in $(seq 2 6 50); do echo "        Box::pin(stage_$n(1, 0.1)),"; done
        echo "    ]"
        echo "}"
    } >>"$dir/$1/src/lib.rs"
}
version=$(sed -n '/^name = "tracing"$/{n;s/version = "\(.*\)"/\1/p}' "$repository/Cargo.lock")
generate ours "ups-track = { path = \"$repository/ups-track\", default-features = false }" '#[ups_track::track_stage("%s")]' ups_track::metric
generate plain "tracing = \"=$version\"" '#[tracing::instrument(name = "%s")]' tracing::info
printf '[workspace]\nmembers = ["ours", "plain"]\nresolver = "3"\n' >"$dir/Cargo.toml"
cp "$repository/Cargo.lock" "$repository/rust-toolchain.toml" "$dir/"
cd "$dir"

# The CPU seconds of crate $1 in a fresh build with the rest of the arguments as cargo's.
measure() {
    touch "$1/src/lib.rs"
    : >"$TIMES"
    cargo "${@:2}" --quiet -p "$1"
    sed -n "s/^$1 //p" "$TIMES" | tail -n 1
}
median() {
    sort -n | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}

printf '%-22s %8s %8s %7s\n' "200 calls, 50 stages" ours plain ratio
for command in "check" "build" "build --release"; do
    # shellcheck disable=SC2086
    cargo $command --quiet
    rm -f ours.times plain.times
    for _ in $(seq "$runs"); do
        # shellcheck disable=SC2086
        for crate in ours plain; do measure "$crate" $command >>"$crate.times"; done
    done
    ours=$(median <ours.times) plain=$(median <plain.times)
    printf '%-22s %7ss %7ss %7.2f\n' "cargo $command" "$ours" "$plain" "$(awk "BEGIN { print $ours / $plain }")"
done
echo "goal: a ratio of at most 1.50"

rm -f macros.times all.times
for _ in $(seq "$runs"); do
    rm -rf "$dir/target-macros"
    : >"$TIMES"
    CARGO_TARGET_DIR="$dir/target-macros" cargo build --quiet --manifest-path "$repository/ups-track-macros/Cargo.toml"
    sed -n 's/^ups_track_macros //p' "$TIMES" >>macros.times
    awk '{ sum += $2 } END { print sum }' "$TIMES" >>all.times
done
echo "ups-track-macros: $(median <macros.times) s (goal: < 7), with syn, quote and what they need: $(median <all.times) s"
