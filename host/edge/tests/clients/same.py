"""Whether the same document was written as YAML and as JSON.

Usage: python same.py FILE.yaml FILE.json
"""

import json
import sys

import ruamel.yaml

with open(sys.argv[1]) as yaml, open(sys.argv[2]) as other:
    assert ruamel.yaml.YAML(typ="safe").load(yaml) == json.load(other)
