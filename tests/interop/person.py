"""A run whose page a person edits while it goes on. Each line of standard input is an order, and is answered.

    rows N | config KEY VALUE | tag TAG | finish
"""

import sys

import wandb

run = wandb.init()
for line in sys.stdin:
    order, *rest = line.split()
    if order == "rows":
        for step in range(int(rest[0])):
            run.log({"loss": 1 / (step + 1)})
    elif order == "config":
        run.config.update({rest[0]: rest[1]}, allow_val_change=True)
    elif order == "tag":
        run.tags = (*run.tags, rest[0])
    elif order == "finish":
        run.finish()
    print("done", order, flush=True)
