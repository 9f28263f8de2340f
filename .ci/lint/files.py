"""A header that nobody but its own source includes, and a source that no CMakeLists.txt names."""

import os
import re

_COMMAND = re.compile(r"(\w+)\s*\(([^()]*)\)")
_SOURCE = re.compile(r'[^\s"]+\.(?:c|cpp)(?=["\s]|$)')


def breaches(tree):
    included = {}  # path to those that include it
    for path, targets in tree.includes.items():
        for _, target in targets:
            included.setdefault(target, set()).add(path)
    compiled = [_expression(pattern) for pattern in _patterns(tree)]
    for source in tree.product:
        stem = source.path.split(".")[0]
        if source.compiled:
            if not any(pattern.fullmatch(source.path) for pattern in compiled):
                yield source.path, 1, "no CMakeLists.txt names it"
        elif all(path.split(".")[0] == stem for path in _includers(source, included)):
            yield source.path, 1, "nobody includes it but its own source"


def _includers(header, included):
    """Those of the product; of what is public, also its tests."""
    public = header.path.startswith("include/")
    beside = "bench/", "examples/", "" if public else "tests/"
    return [path for path in included.get(header.path, ()) if public or not path.startswith(beside)]


def _patterns(tree):
    """What the files of CMake name as sources, as paths from the top, "*" and "**" in them."""
    for path, text in tree.texts.items():
        if os.path.basename(path) != "CMakeLists.txt":
            continue
        for command, words in _COMMAND.findall(re.sub(r"#[^\n]*", "", text)):
            if "REMOVE_ITEM" in words:
                continue
            for name in _SOURCE.findall(words):
                if "GLOB_RECURSE" in words:
                    name = os.path.join(os.path.dirname(name), "**", os.path.basename(name))
                yield _from_top(os.path.dirname(path), name)


def _from_top(folder, name):
    name = name.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
    top = "${PROJECT_SOURCE_DIR}/"
    return name[len(top):] if name.startswith(top) else os.path.normpath(os.path.join(folder, name))


def _expression(pattern):
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(parts.get(part) or re.escape(part)
                              for part in re.split(r"(\*\*/|\*)", pattern)))


_CMAKE = {"daemon/CMakeLists.txt": "file(GLOB core CONFIGURE_DEPENDS core/*.cpp)\nadd(main.cpp)\n"
                                   "file(GLOB_RECURSE io CONFIGURE_DEPENDS io/*.cpp)\n"
                                   "# app/named.cpp\nlist(REMOVE_ITEM core app/named.cpp)\n",
          "client/CMakeLists.txt": "add(${PROJECT_SOURCE_DIR}/shm/a.c\n"
                                   "  ${CMAKE_CURRENT_SOURCE_DIR}/a.c)\n"}
BREACHES = [
    ({"shm/a.h": ""}, "shm/a.h:1: nobody includes it"),
    ({"shm/a.h": "", "tests/a.cpp": '#include "shm/a.h"\n'}, "shm/a.h:1: nobody includes it"),
    ({"shm/a.h": "", "shm/a.c": '#include "shm/a.h"\n'} | _CMAKE, "shm/a.h:1: nobody includes it"),
    ({"shm/b.c": ""} | _CMAKE, "shm/b.c:1: no CMakeLists.txt names it"),
    ({"daemon/app/named.cpp": ""} | _CMAKE, "daemon/app/named.cpp:1: no CMakeLists.txt names it"),
    ({"daemon/core/deep/a.cpp": ""} | _CMAKE, "daemon/core/deep/a.cpp:1: no CMakeLists.txt names it"),
]
INNOCENT = [
    {"shm/a.h": "", "shm/b.c": '#include "shm/a.h"\n', "client/CMakeLists.txt": "add(../shm/*.c)"},
    {"daemon/core/a.cpp": "", "daemon/io/net/a.cpp": "", "daemon/io/a.cpp": "", "daemon/main.cpp": "",
     "client/a.c": "", "shm/a.c": ""} | _CMAKE,
    {"include/rategate/a.h": "", "tests/a.cpp": "#include <rategate/a.h>\n"},
    {"daemon/app/version.hpp.in": "", "daemon/app/a.cpp": '#include "daemon/app/version.hpp"\n',
     "daemon/CMakeLists.txt": "add(app/a.cpp)"},
]
