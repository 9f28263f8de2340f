"""The files that the rules look at: from a folder, or made up for a test."""

import functools
import os

from lint.source import SUFFIXES, Source

# Top folders whose sources are shipped, and those that only use them.
PRODUCT = ("include", "shm", "client", "daemon")
BESIDE = ("bench", "examples", "tests")


class Tree:
    def __init__(self, texts):
        """`texts`: path to text, of all files."""
        self.texts = dict(sorted(texts.items()))
        self.sources = {path: Source(path, text) for path, text in self.texts.items()
                        if path.endswith(SUFFIXES)}

    @functools.cached_property
    def product(self):
        return [source for path, source in self.sources.items()
                if path.split("/")[0] in PRODUCT]

    def included(self, source, quoted, name):
        """The Source that `source` includes by that name, or None where it is not of this tree."""
        places = [f"include/{name}", name]
        if quoted:
            places.insert(0, f"{os.path.dirname(source.path)}/{name}")
        for place in places:
            for path in (place, place + ".in"):  # the build makes some headers of a template
                if path in self.sources:
                    return self.sources[path]
        return None

    @functools.cached_property
    def includes(self):
        """Each source's path to [(line, path of what it includes)]."""
        found = {path: [] for path in self.sources}
        for path, source in self.sources.items():
            for line, quoted, name in source.includes:
                target = self.included(source, quoted, name)
                if target is not None:
                    found[path].append((line, target.path))
        return found

    def reached(self, path):
        """Paths of all that this one includes, itself too."""
        seen, waiting = {path}, [path]
        while waiting:
            for _, target in self.includes[waiting.pop()]:
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return seen


def read_tree(root):
    """All texts that are not built, and hidden ones only where they are of the project."""
    texts = {}
    for folder, folders, files in os.walk(root):
        top = folder == str(root)
        folders[:] = [name for name in folders if not (
            name.startswith(".") and name != ".ci" or name == "__pycache__" or top and name == "build")]
        for name in files:
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as file:
                    texts[os.path.relpath(path, root)] = file.read()
            except UnicodeDecodeError:
                pass  # not a text
    return Tree(texts)
