"""Prints a YAML file as JSON.

read_yaml.py FILE
"""

import json
import re
import sys
from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """Reads YAML 1.2, which the client's core writes: there `1e-07` is a number."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+e[-+]?[0-9]+$"), list("-+0123456789"))

json.dump(yaml.load(Path(sys.argv[1]).read_text(encoding="utf-8"), Loader), sys.stdout)
