"""A file or a folder that is named somewhere, in a text or by its include guard, and is not there."""

import os
import re

_PATH = re.compile(r"(?<![\w/.<*{$-])(?:daemon|client|shm|include|docs)/[\w/.*-]*")
_GUARD = re.compile(r"\bRATEGATE_\w+_H\b")
# Their paths are made up.
_NOT_LOOKED_AT = (".ci/lint/", "CHANGELOG.md")


def breaches(tree):
    folders = {os.path.dirname(path) + "/" for path in tree.texts}
    folders |= {folder[:end.end()] for folder in folders for end in re.finditer("/", folder)}
    there = set(tree.texts) | folders
    for path, text in tree.texts.items():
        if path.startswith(_NOT_LOOKED_AT):
            continue
        here = os.path.dirname(path)
        for found in _PATH.finditer(text):
            name = found.group(0).rstrip(".-")
            if not (name.endswith("/") or re.search(r"[*]|\.\w+$", name)):
                continue
            if not any(_matches(place, there) for place in (name, name + ".in", f"{here}/{name}")):
                yield path, text.count("\n", 0, found.start()) + 1, f"{name} is not there"
    yield from _guards(tree)


def _matches(name, there):
    if "*" not in name:
        return name in there
    pattern = re.compile(".*".join(re.escape(part) for part in name.split("*")))
    return any(pattern.fullmatch(path) for path in there)


def _guards(tree):
    """A guard is named for its path, so that two headers never share one; a test may ask for it."""
    guards = {_guard_of(path) for path in tree.sources if path.endswith(".h")}
    for path, source in tree.sources.items():
        for found in _GUARD.finditer(source.code):
            if found.group(0) not in guards:
                yield path, source.line(found.start()), f"{found.group(0)} guards no header"
    for source in tree.product:
        if source.path.endswith(".h") and _guard_of(source.path) not in source.code:
            yield source.path, 1, f"its guard is not {_guard_of(source.path)}"


def _guard_of(path):
    name = re.sub(r"^include/rategate/", "", path)
    return "RATEGATE_" + re.sub(r"\W", "_", name).upper()


_A = {"shm/a.h": "#ifndef RATEGATE_SHM_A_H\n#define RATEGATE_SHM_A_H\n#endif\n"}
BREACHES = [
    (_A | {"docs/a.md": "what lies in `shm/b.h`\n"}, "docs/a.md:1: shm/b.h is not there"),
    (_A | {"dev": "model shm/word.h\n"}, "dev:1: shm/word.h"),
    (_A | {"tests/sim/a.py": 'root / "daemon/io/a.lua"\n'}, "tests/sim/a.py:1: daemon/io/a.lua"),
    (_A | {"CONTRIBUTING.md": "see `daemon/core/gate.*`\n"}, "daemon/core/gate.* is not there"),
    (_A | {"CONTRIBUTING.md": "see `daemon/proto/`\n"}, "daemon/proto/ is not there"),
    ({"shm/a.h": "#ifndef RATEGATE_CLIENT_A_H\n"}, "guard is not RATEGATE_SHM_A_H"),
    (_A | {"tests/a.cpp": "#ifdef RATEGATE_CLIENT_A_H\n#error\n#endif\n"},
     "tests/a.cpp:1: RATEGATE_CLIENT_A_H guards no header"),
]
INNOCENT = [
    _A | {"docs/a.md": "`shm/a.h`, `shm/`, shm/*.h, /usr/include/x.h, client/server.\n"},
    _A | {"daemon/app/b.hpp.in": "", "daemon/app/a.cpp": '#include "daemon/app/b.hpp"\n'},
    _A | {"tests/model/a.cpp": "#ifdef RATEGATE_SHM_A_H\n#error\n#endif\n"},
]
