"""One session of a run: rows that no other session has, a line of the console, a summary value.

    session.py DIR ID NUMBER [kill]

With `kill` the process dies as soon as something of it had time to be sent.
"""

import os
import signal
import sys
import time

import wandb

directory, run_id, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
run = wandb.init(project="interop", id=run_id, resume="allow", dir=directory)
for step in range(3 + 2 * number):
    run.log({"loss": 1000.0 * (number + 1) + step})
print(f"line-{number}", flush=True)
run.summary[f"key-{number}"] = number
if sys.argv[4:] == ["kill"]:
    time.sleep(1.5)
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()
