"""A circle of includes: parts that cannot be understood, or tested, one without the other.

A header and the source of its name are one part: a source that includes what includes its header
closes a circle that the compiler does not mind.
"""

import os


def breaches(tree):
    parts = {source.path: _part(tree, source) for source in tree.product}
    edges = {part: [] for part in parts.values()}  # part to (includer, line, part)
    for path, part in parts.items():
        for line, target in tree.includes[path]:
            if target in parts and (parts[target] != part or target == path):
                edges[part].append((path, line, parts[target]))
    for circle in _circles(edges):
        path, line, _ = circle[0]
        names = [edge[0] for edge in circle] + [circle[-1][2]]
        yield path, line, "a circle of includes: " + " -> ".join(names)


def _part(tree, source):
    """The header whose name the source has, else itself."""
    if source.compiled:
        for _, target in tree.includes[source.path]:
            if os.path.splitext(target)[0] == os.path.splitext(source.path)[0]:
                return target
    return source.path


def _circles(edges):
    """A shortest one through each part that has any, those that share a part only once."""
    told = set()
    for start in sorted(edges):
        if start in told:
            continue
        way = _way_back(edges, start)
        if way:
            told |= {edge[2] for edge in way}
            yield way


def _way_back(edges, start):
    came_by = {}  # part to the edge that first led there
    waiting = [start]
    while waiting:
        part = waiting.pop(0)
        for edge in edges[part]:
            if edge[2] == start:
                way = [edge]
                while part != start:
                    way.insert(0, came_by[part][1])
                    part = came_by[part][0]
                return way
            if edge[2] not in came_by:
                came_by[edge[2]] = (part, edge)
                waiting.append(edge[2])
    return None


def _including(*names):
    return "".join(f'#include "{name}"\n' for name in names)


BREACHES = [
    ({"shm/a.h": _including("shm/b.h"), "shm/b.h": _including("shm/a.h")},
     "shm/a.h:1: a circle of includes: shm/a.h -> shm/b.h -> shm/a.h"),
    ({"client/wire/a.h": "", "client/wire/a.c": _including("client/wire/a.h", "client/wire/b.h"),
      "client/wire/b.h": "", "client/wire/b.c": _including("client/wire/b.h", "client/wire/c.h"),
      "client/wire/c.h": _including("client/wire/a.h")},
     "client/wire/a.c -> client/wire/b.c -> client/wire/c.h -> client/wire/a.h"),
    ({"daemon/core/a.hpp": _including("daemon/core/a.hpp")}, "daemon/core/a.hpp"),
]
INNOCENT = [
    {"shm/a.h": "", "shm/b.h": _including("shm/a.h"), "shm/c.h": _including("shm/a.h", "shm/b.h")},
    {"client/wire/a.h": "", "client/wire/a.c": _including("client/wire/a.h", "client/wire/b.h"),
     "client/wire/b.h": "", "client/wire/b.c": _including("client/wire/b.h")},
    {"include/rategate/a.h": "", "include/rategate/a.hpp": "#include <rategate/a.h>\n"},
]
