"""Prints the GraphQL operations in the sources of the W&B client, and where its core is.

One JSON object: `texts`, a list of whatever looks like an operation, and `core`, the path of the binary, in which the others
are.
"""

import ast
import importlib
import json
import re
from pathlib import Path

import wandb

OPERATION = re.compile(r"\b(query|mutation)\s+\w+\s*[({]")


def is_format(node):
    """Whether this is `"..".format(..)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr == "format" and is_text(function.value)


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def begins_one(node):
    """Whether the text of an expression, without what is put into it, looks like an operation."""
    parts = [part.value for part in ast.walk(node) if is_text(part)]
    return any(OPERATION.search(part) for part in parts)


def names_of(module):
    """What functions call the parts that they put into an operation."""
    yield {}
    yield {"node": "history"}
    yield {"node": "events"}
    for name, value in vars(module).items():
        if name.endswith("_FRAGMENT"):
            yield {"fragment": value, "fragment_name": getattr(module, f"{name}_NAME", "")}


def texts(module, source):
    for node in ast.walk(ast.parse(source)):
        if not (is_text(node) or is_format(node) or isinstance(node, ast.JoinedStr)):
            continue
        if not begins_one(node):
            continue
        for names in names_of(module):
            try:
                value = eval(compile(ast.Expression(node), "<operation>", "eval"), dict(vars(module)), names)
            except Exception:
                # It needs more than the module; such an operation is none that we have.
                continue
            yield value


def main():
    root = Path(wandb.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        if not OPERATION.search(source) or "vendor" in name:
            continue
        try:
            module = importlib.import_module(name)
        except Exception:
            # A part for something that is not installed.
            continue
        found.extend(texts(module, source))
    core = root / "bin" / "wandb-core"
    print("ANSWER " + json.dumps({"texts": sorted(set(found)), "core": str(core)}))


if __name__ == "__main__":
    main()
