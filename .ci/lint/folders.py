"""A top folder with sources that no list knows of: nobody would check it, and nobody would notice.

The list is PRODUCT and BESIDE. Others that go through folders take theirs from it, or all there are.
"""

import re

from lint.tree import BESIDE, PRODUCT

_TAKEN_FROM_IT = {
    "dev": re.compile(r"^sources\(\) { find \. ", re.M),
    ".ci/tidy": re.compile(r"^FOLDERS = .* for \w+ in PRODUCT\b", re.M),
}


def breaches(tree):
    for top in sorted({path.split("/")[0] for path in tree.sources if "/" in path}):
        if top not in PRODUCT + BESIDE:
            yield f"{top}/", 1, "holds sources: put it into PRODUCT or BESIDE of .ci/lint/tree.py"
    for path, taken in _TAKEN_FROM_IT.items():
        if path in tree.texts and not taken.search(tree.texts[path]):
            yield path, 1, "has a list of folders of its own, which may lack one"
    tidy = tree.texts.get(".clang-tidy")
    if tidy is not None:
        headers = re.search(r"HeaderFilterRegex: '(.*)'", tidy)
        for top in PRODUCT:
            if headers is None or not re.search(headers.group(1), f"/{top}/rategate/a.h"):
                yield ".clang-tidy", 1, f"HeaderFilterRegex lacks {top}"


_FILTER = "HeaderFilterRegex: '(daemon|client|shm|include/rategate|examples)/.*'\n"
BREACHES = [
    ({"contract/a.h": ""}, "contract/:1: holds sources"),
    ({"shm/a.h": "", ".clang-tidy": _FILTER.replace("|shm", "")}, "HeaderFilterRegex lacks shm"),
    ({"dev": "sources() { find bench client daemon -name '*.[ch]'; }\n"}, "dev:1: has a list"),
    ({".ci/tidy": 'FOLDERS = ("daemon/", "client/")\n'}, ".ci/tidy:1: has a list"),
]
INNOCENT = [{
    "shm/a.h": "", "tests/a.cpp": "", ".clang-tidy": _FILTER,
    "dev": "#\nsources() { find . -name '*.[ch]'; }\n",
    ".ci/tidy": '#\nFOLDERS = (*(f"{top}/" for top in PRODUCT), "examples/")\n',
}]
