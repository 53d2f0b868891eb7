"""What the W&B client's public API reads of a project.

    read.py ENTITY/PROJECT QUERIES

prints one JSON object: the ids that each query of the JSON list QUERIES, objects with `filters` and `order`, finds, and
every run with its config, summary and history.
"""

import json
import sys

import wandb


def plain(values):
    """What the client wraps, as JSON has it."""
    if hasattr(values, "items"):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [plain(value) for value in values]
    return values


def read(run):
    keys = sorted({key for row in run.history(samples=100_000, pandas=False) for key in row})
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "tags": list(run.tags),
        "group": run.group,
        "job_type": run.job_type,
        "notes": run.notes,
        "created_at": run.created_at,
        "url": run.url,
        "history_line_count": run.historyLineCount,
        "config": plain(run.config),
        "summary": plain(run.summary_metrics),
        "history": run.history(samples=100_000, pandas=False),
        "scanned": list(run.scan_history(page_size=7, use_cache=False)),
        "sampled": {key: run.history(samples=5, keys=[key], pandas=False) for key in keys if key != "_step"},
        "files": {file.name: [file.size, file.md5] for file in run.files()},
    }


def main():
    _, project, queries = sys.argv
    api = wandb.Api()
    found = []
    for query in json.loads(queries):
        runs = api.runs(project, filters=query["filters"], order=query["order"], per_page=2)
        found.append([run.id for run in runs])
    runs = {run.id: read(api.run(f"{project}/{run.id}")) for run in api.runs(project)}
    print("ANSWER " + json.dumps({"found": found, "runs": runs}))


if __name__ == "__main__":
    main()
