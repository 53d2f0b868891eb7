"""Programs of the W&B client, each of which `programs/main.rs` has as well, written with ups-track.

    programs.py DIR NAME...

runs the programs, one after another, with files below DIR; the environment says which server. A program that ends its
process, or waits to be killed, is the last one.
"""

import logging
import math
import os
import sys
import time
from pathlib import Path

import wandb


def start(program, /, **init):
    """Starts the run of a program, quiet and with nothing that depends on the machine."""
    settings = {"console": init.pop("console", "off"), **init.pop("settings", {})}
    return wandb.init(
        dir=os.getcwd(),
        id=program.replace("_", "-"),
        project="interop",
        settings=wandb.Settings(disable_git=True, save_code=False, silent=True, x_disable_stats=True, **settings),
        **init,
    )


def define(run, *keys, step="step"):
    """Defines the step of these metrics, as `metric!` does by itself."""
    run.define_metric(step)
    for key in keys:
        run.define_metric(key, step_metric=step)


def plain(name):
    run = start(name)
    define(run, "loss", "accuracy")
    for step in range(10):
        run.log({"step": step, "loss": 1 / (step + 1), "accuracy": step / 10})
    run.finish()


def gaps(name):
    run = start(name)
    define(run, "loss")
    for step in (0, 10, 11, 500):
        run.log({"step": step, "loss": step / 4}, step=step)
    run.finish()


def backwards(name):
    run = start(name)
    define(run, "loss")
    for step in (5, 6, 6, 2, -1):
        run.log({"step": step, "loss": step / 4})
    run.finish()


def several(name):
    run = start(name)
    define(run, *(f"m{i}" for i in range(12)), "rare")
    for step in range(5):
        row = {f"m{i}": step * 0.1 + i for i in range(12)}
        run.log({"step": step} | row | ({"rare": step} if step % 2 else {}))
    run.finish()


def not_finite(name):
    run = start(name)
    define(run, "loss", "low")
    run.log({"step": 0, "loss": math.nan})
    run.log({"step": 1, "loss": math.inf, "low": -math.inf})
    run.log({"step": 2, "loss": 0.5})
    run.finish()


def big_integers(name):
    big = {"beyond": 2**53 + 1, "most": 2**63 - 1, "least": -(2**63), "unsigned": 2**64 - 1}
    run = start(name, config={f"c_{key}": value for key, value in big.items()})
    define(run, *big)
    run.log({"step": 2**60 + 1} | big)
    run.summary.update({f"s_{key}": value for key, value in big.items()})
    run.finish()


def nested_config(name):
    optimizer = {"name": "adam", "betas": [0.9, 0.999], "schedule": {"warmup": 100, "decay": None}}
    run = start(name, config={"lr": 1e-3, "optimizer": optimizer, "layers": [{"width": 64}, {"width": 128}]})
    run.config.update({"flags": {"amp": True, "compile": False}, "a.b": "a dot", "empty": {}})
    run.finish()


def config_updates(name):
    run = start(name, config={"epochs": 10, "data": {"name": "burgers", "samples": 64}})
    run.config.update({"epochs": 20, "seed": 7}, allow_val_change=True)
    define(run, "loss")
    run.log({"step": 0, "loss": 0.5})
    run.config.update({"data": {"samples": 128}, "late": [1, 2]}, allow_val_change=True)
    run.finish()


def described(name):
    run = start(
        name, name="A first name", notes="first\nnotes", tags=["one", "α"], group="nightly", job_type="train"
    )
    define(run, "loss")
    run.log({"step": 0, "loss": 0.5})
    run.tags += ("two",)
    run.name = "Another näme"
    run.notes = "other notes"
    run.finish()


def environment(name):
    run = wandb.init(settings=wandb.Settings(disable_git=True, silent=True, x_disable_stats=True))
    run.summary["done"] = True
    run.finish()


def summary_only(name):
    run = start(name)
    run.summary["nrmse"] = 0.0911
    run.summary.update({"samples": 3072, "verdict": "good", "passed": True})
    run.summary["samples"] = 3073
    run.finish()


def summary_set(name):
    run = start(name)
    define(run, "loss", "late")
    run.log({"step": 0, "loss": 4.0, "late": 4.0})
    run.summary["loss"] = 0.25
    run.log({"step": 1, "loss": 2.0, "late": 2.0})
    run.summary["late"] = 0.125
    run.finish()


def aggregates(name):
    run = start(name)
    define(run, "plain")
    words = {"low": "min", "high": "max", "middle": "mean", "end": "last", "begin": "first", "all": "min,max,mean,last"}
    for key, summary in words.items():
        run.define_metric(key, step_metric="step", summary=summary)
    run.define_metric("none", step_metric="step", summary="none")
    for step, value in enumerate((4.0, 1.0, 7.5)):
        run.log({"step": step, "plain": value, "none": value} | {key: value for key in words})
    run.finish()


def hidden(name):
    run = start(name)
    define(run, "loss")
    run.define_metric("debug", step_metric="step", hidden=True)
    run.log({"step": 0, "loss": 0.5, "debug": 1.5})
    run.finish()


def glob(name):
    run = start(name)
    define(run, "val/*", step="epoch")
    for epoch in range(4):
        run.log({"epoch": epoch, "val/loss": 1 / (epoch + 1), "val/deep/error": epoch / 2})
    run.finish()


def odd_keys(name):
    run = start(name)
    define(run, "a\\.b", "train/loss", "deep/er/x\\.y-z_1")
    for step in range(3):
        run.log({"step": step, "a.b": step + 0.5, "train/loss": step + 0.25, "deep/er/x.y-z_1": step})
    run.summary.update({"s/a": 1, "s-b": 2})
    run.finish()


def unicode(name):
    run = start(name, name="名前 🚀", notes="naïve \"notes\" \\ \t", tags=["größe"], config={"text": "漢字 \x01 \u2028 é"})
    define(run, "loss", "größe")
    run.log({"step": 0, "loss": 0.5, "größe": 1.5})
    run.summary["verdict"] = "gut 👍 \"quoted\""
    run.finish()


def console(name):
    run = start(name, console="wrap")
    print("first line")
    for percent in (0, 50, 100):
        sys.stdout.write(f"\rprogress {percent:3d}%")
    sys.stdout.write("\n")
    print("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[0m")
    print("to stderr: naïve 🚀", file=sys.stderr)
    print("two\nlines\n")
    print("longer text\rshort")
    sys.stdout.write("no newline at the end")
    run.finish()


def alerts(name):
    run = start(name)
    run.alert("Information", "nothing to do", level=wandb.AlertLevel.INFO)
    run.alert("Warning", "the loss grows", level=wandb.AlertLevel.WARN, wait_duration=30)
    run.alert("Error", "näin ei käy 🚀", level=wandb.AlertLevel.ERROR, wait_duration=0)
    run.alert("Information", "again", level=wandb.AlertLevel.INFO)
    run.finish()


def files(name):
    run = start(name)
    folder = Path("of-" + name)
    (folder / "deep" / "er").mkdir(parents=True)
    for policy in ("now", "end", "live"):
        file = folder / "deep" / "er" / f"{policy} é.bin"
        file.write_bytes(bytes(range(256)) * 100 + policy.encode())
        run.save(str(file.absolute()), base_path=str(folder.absolute()), policy=policy)
    (folder / "empty.txt").write_text("")
    run.save(str((folder / "empty.txt").absolute()), base_path=str(folder.absolute()), policy="now")
    run.finish()


def changing_file(name):
    run = start(name)
    folder = Path("of-" + name)
    folder.mkdir()
    define(run, "loss")
    for policy in ("end", "live"):
        (folder / f"{policy}.txt").write_text("first")
        run.save(str((folder / f"{policy}.txt").absolute()), base_path=str(folder.absolute()), policy=policy)
    run.log({"step": 0, "loss": 0.5})
    for policy in ("end", "live"):
        (folder / f"{policy}.txt").write_text(f"second: {policy}")
    run.finish()


def stages(name):
    run = start(name)
    for stage in ("operator", "operator/fine", "diffusion"):
        define(run, f"{stage}/*", step=f"{stage}/step")
    for stage in ("operator", "operator/fine", "diffusion"):
        for step in range(3):
            run.log({f"{stage}/loss": 1 / (step + 1), f"{stage}/step": step})
    run.finish()


def no_data(name):
    start(name).finish()


def exit_code(name):
    run = start(name)
    define(run, "loss")
    run.log({"step": 0, "loss": 0.5})
    run.finish(exit_code=3)


def failing(name):
    run = start(name)
    define(run, "loss")
    run.log({"step": 0, "loss": 0.5})
    raise RuntimeError("this program always fails")


def exiting(name):
    run = start(name)
    define(run, "loss")
    run.log({"step": 0, "loss": 0.5})
    sys.exit(7)


def killed(name):
    run = start(name, config={"lr": 0.5}, tags=["x"])
    define(run, "loss")
    for step in range(50):
        run.log({"step": step, "loss": 1 / (step + 1)})
    run.summary["nrmse"] = 0.25
    while True:
        time.sleep(1)


def many_rows(name):
    run = start(name)
    define(run, "loss", "lr")
    for step in range(20_000):
        run.log({"step": step, "loss": 1 / (step + 1), "lr": 0.001 * step})
    run.finish()


def long_text(name):
    text = "long é " * 20_000
    run = start(name, notes=text, config={"text": text, "list": list(range(5000))})
    run.summary["text"] = text
    run.finish()


def resumed(name):
    run = start(name, resume="allow", config={"lr": 0.5, "first": 1}, tags=["x"])
    define(run, "loss")
    for step in range(3):
        run.log({"step": step, "loss": 1 / (step + 1)})
    run.summary["nrmse"] = 0.25
    run.finish()


def resumed_again(name):
    run = start("resumed", resume="allow", config={"second": 2})
    define(run, "loss")
    for step in range(3, 5):
        run.log({"step": step, "loss": 1 / (step + 1)})
    run.finish()


def main():
    logging.getLogger("wandb").setLevel(logging.CRITICAL)
    directory, *names = sys.argv[1:]
    os.chdir(directory)
    # A directory named `wandb` must be there, or the client makes its files in a temporary place.
    Path("wandb").mkdir(exist_ok=True)
    for name in names:
        globals()[name](name)


if __name__ == "__main__":
    main()
