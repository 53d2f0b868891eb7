"""One of several processes that write one run in mode shared: label, whether it is the primary one, rows, all in the
environment or arguments.

    shared.py ROWS
"""

import sys

import wandb

run = wandb.init(config={"lr": 0.5})
for step in range(int(sys.argv[1])):
    run.log({"loss": 1 / (step + 1)})
run.summary["score"] = 0.25
print("a line")
run.finish()
