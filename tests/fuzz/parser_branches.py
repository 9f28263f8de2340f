#!/usr/bin/env python3
"""Fails unless the corpora take every branch of the parser both ways.

Each PROGRAM is a fuzz target that was built with clang's coverage and plays FOLDER once. Both are
given in turn; the sources whose branches count come after "--".

usage: parser_branches.py LLVM-PROFDATA LLVM-COV PROGRAM FOLDER ... -- SOURCE ...
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile


def main() -> int:
    profdata, cov = sys.argv[1:3]
    split = sys.argv.index("--")
    runs, sources = sys.argv[3:split], sys.argv[split + 1 :]
    programs = runs[0::2]
    with tempfile.TemporaryDirectory() as folder:
        raw = []
        for number, (program, corpus) in enumerate(zip(programs, runs[1::2])):
            raw.append(f"{folder}/{number}.profraw")
            environment = {**os.environ, "LLVM_PROFILE_FILE": raw[-1]}
            subprocess.run([program, corpus], env=environment, check=True, stderr=subprocess.DEVNULL)
        merged = f"{folder}/merged"
        subprocess.run([profdata, "merge", "-o", merged, *raw], check=True)
        objects = [word for program in programs[1:] for word in ("-object", program)]
        exported = subprocess.run(
            [cov, "export", f"-instr-profile={merged}", programs[0], *objects, *sources],
            check=True, stdout=subprocess.PIPE,
        ).stdout
    seen = {}  # a branch may be in both programs: what counts is whether one of them took it
    for file in json.loads(exported)["data"][0]["files"]:
        for line, column, end_line, end_column, yes, no, *_ in file["branches"]:
            place = (file["filename"], line, column, end_line, end_column)
            before = seen.get(place, (0, 0))
            seen[place] = (before[0] + yes, before[1] + no)
    missing = {place: counts for place, counts in seen.items() if 0 in counts}
    for (name, line, column, *_), (yes, no) in sorted(missing.items()):
        never = " and ".join(word for word, count in (("true", yes), ("false", no)) if not count)
        print(f"{pathlib.Path(name).name}:{line}:{column}: never {never}")
    print(f"{2 * len(seen)} ways, {sum(counts.count(0) for counts in missing.values())} not taken")
    files = {place[0] for place in seen}
    return 0 if not missing and len(files) == len(sources) else 1


sys.exit(main())
