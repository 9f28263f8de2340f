"""The logs of what a test started, shown when it fails."""

import sys

_started = []
_kept = {}


def forget():
    """A new test begins."""
    _started.clear()
    _kept.clear()


def register(program):
    """program has name and log_file."""
    _started.append(program)


def keep(program):
    """Called before the program's folder is removed."""
    if program in _started:
        _kept[id(program)] = tail(program.log_file)


def tail(path, limit=12000):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            text = file.read()
    except OSError as error:
        return f"({error})"
    return text if len(text) <= limit else "(...)\n" + text[-limit:]


def show(out=None):
    """Prints every log of this test."""
    out = out or sys.stderr
    for program in _started:
        text = _kept.get(id(program)) or tail(program.log_file)
        out.write(f"--- log of {program.name} ---\n{text.rstrip()}\n")
    out.flush()
