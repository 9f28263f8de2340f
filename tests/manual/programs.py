"""What the programs say of themselves: subcommands and options, from their --help."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position,unused-import
import harness
from harness import BIN_DIR, SLOW, SOURCE_DIR, Case, clean_environ, main, tied, wait_until

RATEGATE, RATEGATED = BIN_DIR / "rategate", BIN_DIR / "rategated"


def output_of(*words, env=None, code=0, stdin=None):
    """Standard output of a program that is to end with that code, and to complain only then."""
    result = subprocess.run(tied(words), env=clean_environ(**(env or {})), text=True, input=stdin,
                            capture_output=True, timeout=60 * SLOW, check=False)
    if result.returncode != code or (code == 0 and result.stderr):
        raise AssertionError(f"{words} ended with {result.returncode}:\n{result.stdout}"
                             f"{result.stderr}")
    return result.stdout


def part(text, title):
    """The lines of a help's part, such as "Options"."""
    found = re.search(rf"^{title}:\n((?:[ ]+\S.*\n)+)", text, re.M)
    return found.group(1) if found else ""


def options(*words):
    """{"--cost": "N", "-q": "", "--quiet": ""}: the options of the help, and what each takes."""
    found = {}
    for line in part(output_of(*words, "--help"), "Options").splitlines():
        match = re.match(r"  (-\S+) ?([A-Z=]*)", line)
        if match:
            for option in match[1].split(","):
                found[option] = match[2]
    return found


def subcommands():
    return re.findall(r"^  (\w+) ", part(output_of(RATEGATE, "--help"), "Commands"), re.M)
