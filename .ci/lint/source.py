"""A C or C++ source as the rules read it: code without comments and texts, includes, tokens."""

import bisect
import functools
import re

from lint.declarations import Declaration, Unreadable, declarations

SUFFIXES = (".c", ".h", ".cpp", ".hpp", ".hpp.in")

# Numbers come first, because the quotes in 1'000'000 begin no character.
_NOT_CODE = re.compile(
    r"""\b[0-9](?:'?[\w.])*
      | //(?:\\\n|[^\n])*
      | /\*.*?\*/
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | '(?:\\.|[^'\\\n])+'""", re.S | re.X)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
_TOKEN = re.compile(r"""[A-Za-z_]\w*|[0-9](?:'?[\w.])*|::|->|"\s*"|'\s*'|\S""")


def _spaces(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def _blanked(match):
    found = match.group(0)
    if found[0].isdigit():
        return found
    if found.startswith("/"):
        return _spaces(match)
    return found[-1] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]


class Source:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.compiled = path.endswith((".c", ".cpp"))
        self.unreadable_at = None  # where that is, once the declarations were asked for

    @functools.cached_property
    def code(self):
        """As long as the text, comments and the insides of strings blanked."""
        return _NOT_CODE.sub(_blanked, self.text)

    @functools.cached_property
    def includes(self):
        """(line, whether it is quoted, name) of each."""
        return [(self.line(match.start(1)), match.group(1) == '"', match.group(2))
                for match in _INCLUDE.finditer(self.text)
                if "#" in self.code[match.start():match.end()]]

    @functools.cached_property
    def declarations(self):
        """What stands outside of functions, macros first; those alone where the braces do not match."""
        macros = [Declaration("macro", found.group(1), found.start(1), found.start())
                  for found in _MACRO.finditer(self.code)]
        for code in (self.code, _without_else(self.code)):
            try:
                found = declarations(_tokens(_DIRECTIVE.sub(_spaces, code)))
                self.unreadable_at = None
                return macros + found
            except Unreadable as unreadable:
                self.unreadable_at = unreadable.args[0]
        return macros

    @functools.cached_property
    def tokens(self):
        """(text, position) of each, those of macros with them; not the names of includes."""
        return _tokens(_INCLUDE.sub(_spaces, self.code))

    def line(self, position):
        return bisect.bisect_right(self._line_starts, position)

    @functools.cached_property
    def _line_starts(self):
        return [0] + [match.end() for match in re.finditer("\n", self.text)]


def _tokens(code):
    return [(match.group(0), match.start()) for match in _TOKEN.finditer(code)]


def _without_else(code):
    """Without what stands between #else or #elif and #endif: braces may be opened on both sides."""
    lines, skipped = [], []  # for each open #if, whether its lines are skipped
    for line in code.splitlines(keepends=True):
        word = re.match(r"[ \t]*#[ \t]*(\w*)", line)
        if word and word.group(1).startswith("if"):
            skipped.append(False)
        elif word and word.group(1).startswith("el") and skipped:
            skipped[-1] = True
        elif word and word.group(1) == "endif" and skipped:
            skipped.pop()
        lines.append(re.sub(r"[^\n]", " ", line) if any(skipped) else line)
    return "".join(lines)
