"""The way of UPS: a run is shared through a context file, whose path is in WANDB_CONTEXT_FILE.

    context.py evaluate                      goes on with the run of the context
    context.py train                         renames the run of the context; without one it has a run of its own
    context.py orchestrate EVALUATE TRAIN    begins the run, saves its context, and starts two commands
    context.py idle EVALUATE TRAIN           has no run, and names a file that the training writes for the evaluation

Written from the description of the file: JSON with `run_id`, `project`, `entity` and `url`, the last two text or null.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import wandb

KEYS = ("run_id", "project", "entity", "url")


def create_wandb_context(project):
    run = wandb.init(project=project, job_type="pipeline", config={"orchestrator": "python"})
    return run, {"run_id": run.id, "project": run.project, "entity": run.entity or None, "url": run.url}


def save_wandb_context(context, path):
    path.write_text(json.dumps(context))


def load_wandb_context_from_file(path):
    context = json.loads(Path(path).read_text())
    missing = [key for key in KEYS if key not in context]
    if missing:
        raise SystemExit(f"{path} has no {missing}")
    return {key: context[key] for key in KEYS}


def load_wandb_context_from_env():
    return load_wandb_context_from_file(os.environ["WANDB_CONTEXT_FILE"])


def evaluate():
    context = load_wandb_context_from_env()
    run = wandb.init(
        id=context["run_id"],
        project=context["project"],
        entity=context["entity"],
        resume="allow",
        config={"eval_samples": 64},
    )
    for step in range(4):
        run.log({"eval/error": 0.1 * step, "eval/step": step})
    run.summary["eval/nrmse"] = 0.25
    run.finish()


def train():
    shared = {}
    if "WANDB_CONTEXT_FILE" in os.environ:
        context = load_wandb_context_from_env()
        shared = {"id": context["run_id"], "project": context["project"], "resume": "allow", "name": "training"}
    run = wandb.init(job_type="train", **shared)
    for step in range(6):
        run.log({"train/loss": 1 / (step + 1), "train/step": step})
    run.finish()


def idle(evaluation, training):
    environment = {**os.environ, "WANDB_CONTEXT_FILE": str(Path("context.json").absolute())}
    for command in (training, evaluation):
        subprocess.run(shlex.split(command), env=environment, check=True)


def orchestrate(evaluation, training):
    run, context = create_wandb_context("interop")
    for step in range(3):
        run.log({"orchestrator/value": step})
    run.summary["orchestrator/score"] = 0.75
    file = Path("context.json").absolute()
    save_wandb_context(context, file)
    linked = {
        "WANDB_PROJECT": context["project"],
        "WANDB_RUN_GROUP": context["run_id"],
        "WANDB_TAGS": f"parent:{context['run_id']}",
        "WANDB_JOB_TYPE": "train",
    }
    subprocess.run(shlex.split(training), env={**os.environ, **linked}, check=True)
    attached = {"WANDB_CONTEXT_FILE": str(file)}
    subprocess.run(shlex.split(evaluation), env={**os.environ, **attached}, check=True)
    run.finish()


COMMANDS = {"evaluate": evaluate, "train": train, "orchestrate": orchestrate, "idle": idle}
COMMANDS[sys.argv[1]](*sys.argv[2:])
