"""A program that knows of no pipeline: what it belongs to, the environment says.

    stock.py EXIT_CODE
"""

import sys

import wandb

run = wandb.init(config={"stock": True})
for step in range(5):
    run.log({"stock/loss": 1 / (step + 1)})
run.summary["stock/score"] = 0.5
code = int(sys.argv[1])
run.finish(exit_code=code)
sys.exit(code)
