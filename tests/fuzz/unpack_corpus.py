#!/usr/bin/env python3
"""Makes a folder of inputs from a corpus that is kept as text.

Each line is one input, written as in a Python bytes literal; {{x*500}} stands for so many
repetitions. Empty lines and lines that start with "# " are for people.

usage: unpack_corpus.py CORPUS.txt FOLDER
"""

import pathlib
import re
import shutil
import sys


def decode(line: str) -> bytes:
    line = re.sub(r"\{\{(.+?)\*(\d+)\}\}", lambda m: m[1] * int(m[2]), line)
    return line.encode("ascii").decode("unicode_escape").encode("latin-1")


def main() -> None:
    corpus, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, line in enumerate(corpus.read_text("ascii").splitlines(), 1):
        if line and not line.startswith("# "):
            (folder / f"{corpus.stem}_{number:03}").write_bytes(decode(line))


main()
