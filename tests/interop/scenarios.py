"""What the W&B client itself writes for the situations that ups-track must get right.

    scenarios.py NAME DIR

plays the scenario NAME with the real client below DIR; `DIR/wandb/latest-run` is then the run directory.
Whether the client is online says the environment, with WANDB_MODE and its like. Each function below is one
scenario; its Rust twin in `tests/tests/interop` says what the server must hold in the end.
"""

import argparse
import logging
import math
import sys
from pathlib import Path

import wandb

PROJECT = "interop"


def start(scenario, directory, **init):
    """Starts the run of a scenario, quiet and with nothing that depends on the machine."""
    console = init.pop("console", "off")
    return wandb.init(
        dir=directory,
        id=scenario.replace("_", "-"),
        project=PROJECT,
        settings=wandb.Settings(
            console=console,
            disable_git=True,
            save_code=False,
            silent=True,
            x_disable_stats=True,
        ),
        **init,
    )


def stages(name, directory):
    """Two stages after another; each has its own step, which is data of the row."""
    run = start(name, directory)
    for stage in ("operator", "diffusion"):
        step = f"{stage}/step"
        run.define_metric(step)
        run.define_metric(f"{stage}/*", step_metric=step)
        for epoch in range(3):
            run.log({f"{stage}/loss": 1.0 / (epoch + 1), f"{stage}/lr": 0.001, step: epoch})
    run.finish()


def summary_only(name, directory):
    """Final values and no history row."""
    run = start(name, directory)
    run.summary["eval/nrmse"] = 0.0911
    run.summary["eval/samples"] = 3072
    run.summary["eval/verdict"] = "good"
    run.summary["eval/passed"] = True
    run.summary.update({"eval/by_case": {"shock": 0.1, "wave": 0.2}})
    run.finish()


def nested_config(name, directory):
    """Configuration with every JSON type, set at the start and while running."""
    run = start(
        name,
        directory,
        config={
            "lr": 1e-3,
            "epochs": 10,
            "resume": False,
            "seed": None,
            "betas": [0.9, 0.999],
            "model": {
                "name": "Öperator-Ω",
                "layers": [{"width": 64, "act": "gelu"}, {"width": 128, "act": None}],
                "depth": {"encoder": 2, "decoder": 3},
                "empty": {},
                "none": [],
            },
            "a.b": "a dot is part of the name",
        },
    )
    run.config.update({"epochs": 20, "model": {"name": "replaced"}}, allow_val_change=True)
    run.config["late"] = {"x": 1}
    run.finish()


def odd_values(name, directory):
    """Values at the edges of their types."""
    numbers = {
        "nan": math.nan,
        "inf": math.inf,
        "neg_inf": -math.inf,
        "u64_max": 2**64 - 1,
        "i64_min": -(2**63),
        "i64_max": 2**63 - 1,
        "tiny": 5e-324,
        "big": 1.7976931348623157e308,
        "small": 1.5e-7,
        "neg_zero": -0.0,
        "whole": 3.0,
    }
    plain = numbers | {
        "text": 'naïve "quotes" \\ \n\t 漢字 🚀 \x01',
        "empty": "",
        "nan_text": "NaN",
        "yes": True,
    }
    config = plain | {
        "nothing": None,
        "list": [1, math.nan, "x"],
        "dict": {"nan": math.nan, "deep": {"inf": math.inf}},
    }
    run = start(name, directory, config=config)
    run.summary.update({f"s_{key}": value for key, value in plain.items()})
    run.define_metric("step")
    for key in ["loss", "low", *(f"h_{key}" for key in numbers)]:
        run.define_metric(key, step_metric="step")
    run.log({"step": 0, "loss": math.nan})
    run.log({"step": 1, "loss": math.inf, "low": -math.inf})
    # A step that goes back is data like any other.
    run.log({"step": -1, "loss": 0.5})
    run.log({"step": 2**53 + 1} | {f"h_{key}": value for key, value in numbers.items()})
    run.finish()


def odd_kinds(name, directory):
    """What this client takes as history and summary and ours, by its types, does not: no number, no plain value."""
    odd = {
        "text": 'naïve "quotes" \\ \n\t 漢字 🚀 \x01',
        "empty": "",
        "nan_text": "NaN",
        "yes": True,
        "nothing": None,
        "list": [1, math.nan, "x"],
        "dict": {"nan": math.nan, "deep": {"inf": math.inf}},
    }
    run = start(name, directory)
    run.summary.update({f"s_{key}": value for key, value in odd.items()})
    run.log({f"h_{key}": value for key, value in odd.items()})
    run.finish()


def min_max_mean(name, directory):
    """Summaries that the client aggregates instead of keeping the last value."""
    run = start(name, directory)
    run.define_metric("loss", summary="min,max,mean")
    run.define_metric("acc", summary="max,last")
    run.define_metric("hidden", summary="none")
    run.define_metric("first", summary="first,mean")
    run.define_metric("eval/*", summary="min")
    for loss in (4.0, 1.0, 7.0):
        run.log({"loss": loss, "acc": 1 / loss, "hidden": loss, "plain": loss, "first": loss, "eval/err": loss})
    run.finish()


def definitions(name, directory):
    """Every option of a definition, with what is deprecated and what contradicts itself."""
    run = start(name, directory)
    run.define_metric("copied", summary="copy")
    run.define_metric("copied_min", summary="copy,min")
    run.define_metric("low", summary="min", goal="minimize")
    run.define_metric("high", summary="max,last", goal="maximize")
    run.define_metric("shown", summary="none")
    run.define_metric("shown", summary="max")
    run.define_metric("unshown", summary="max")
    run.define_metric("unshown", summary="none")
    run.define_metric("hidden", hidden=True)
    run.define_metric("unsynced", step_metric="epoch", step_sync=False)
    run.define_metric("again", summary="min,mean", step_metric="epoch", goal="minimize")
    run.define_metric("again", summary="max", overwrite=True)
    run.define_metric("never logged", summary="first", step_metric="another step")
    run.define_metric("eval/*", summary="copy,max", step_metric="epoch")
    keys = ["copied", "copied_min", "low", "high", "shown", "unshown", "hidden", "unsynced", "again", "eval/err"]
    for epoch, value in enumerate((4.0, 1.0, 7.0)):
        run.log({key: value for key in keys} | {"epoch": epoch})
    run.finish()


def stage_summary(name, directory):
    """The same for the metrics of a stage."""
    run = start(name, directory)
    step = "operator/step"
    run.define_metric(step)
    run.define_metric("operator/*", step_metric=step)
    run.define_metric("operator/loss", step_metric=step, summary="min,mean")
    for epoch, loss in enumerate((4.0, 1.0, 7.0)):
        run.log({"operator/loss": loss, "operator/lr": 0.5, step: epoch})
    run.finish()


def exit_code(name, directory):
    """A run that failed."""
    run = start(name, directory)
    run.log({"loss": 1.0})
    run.finish(exit_code=3)


def console(name, directory):
    """Terminal output: lines, progress bars, colours, both streams, a last line without an end."""
    run = start(name, directory, console="wrap")
    print("first line")
    for percent in (0, 50, 100):
        sys.stdout.write(f"\rprogress {percent:3d}%")
    sys.stdout.write("\n")
    print("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[0m")
    print("to stderr", file=sys.stderr)
    print("two\nlines")
    print("")
    print("longer text\rshort")
    print("tab\there, 漢字 🚀")
    print("\x1b[2Kcleared\x1b[1A\x1b[2K\x1b[Gup")
    print("\x1b[32mlong and green\x1b[0m\rshort")
    print("\x1b[31mred\x1b[0m\r\x1b[2K\x1b[33mother\x1b[0m")
    print("x" * 5000)
    print("windows\r")
    sys.stdout.write("no newline at the end")
    run.finish()


def metadata(name, directory):
    """What describes a run: names, tags, notes, alerts and saved files."""
    run = start(
        name,
        directory,
        name="A fine name",
        notes="Notes with\ntwo lines",
        tags=["baseline", "α"],
        group="nightly",
        job_type="train",
    )
    run.tags += ("later",)
    run.alert("Loss is NaN", "at step 3", level=wandb.AlertLevel.WARN, wait_duration=30)
    run.alert("Note", "no wait")
    source = Path(directory) / "source"
    (source / "sub").mkdir(parents=True)
    for policy in ("now", "end", "live"):
        file = source / "sub" / f"{policy}.txt"
        file.write_text(f"{policy}: naïve\n", encoding="utf-8")
        run.save(file, base_path=source, policy=policy)
    run.define_metric("step")
    run.define_metric("loss", step_metric="step")
    run.log({"step": 0, "loss": 1.0})
    run.finish()


def table(name, directory):
    """A table, between two rows."""
    run = start(name, directory)
    run.log({"loss": 1.0})
    rows = [["disk", 0.25, True, 3], ['ring "ö"', None, False, 2**53]]
    run.log({"eval/cases": wandb.Table(columns=["name", "relative L2", "converged", "steps"], data=rows)})
    run.log({"loss": 0.5})
    run.finish()


SCENARIOS = (
    stages,
    summary_only,
    nested_config,
    odd_values,
    odd_kinds,
    min_max_mean,
    definitions,
    stage_summary,
    exit_code,
    console,
    metadata,
    table,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scenarios = {scenario.__name__: scenario for scenario in SCENARIOS}
    parser.add_argument("name", choices=scenarios)
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()

    logging.getLogger("wandb").setLevel(logging.ERROR)
    # A directory named `wandb` must be there, or the client makes its files in a temporary place.
    (arguments.directory / "wandb").mkdir(parents=True, exist_ok=True)
    scenarios[arguments.name](arguments.name, str(arguments.directory))


if __name__ == "__main__":
    main()
