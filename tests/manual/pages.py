"""The manual pages as they are installed, and what can be read out of their mdoc."""

import re
import subprocess

from programs import output_of

ESCAPES = {r"\-": "-", r"\(dq": '"', r"\e": "\\", r"\&": ""}


def plain(text):
    """mdoc's text as it is printed."""
    return re.sub(r"\\(?:-|\(dq|e|&)", lambda match: ESCAPES[match[0]], text)


class Page:
    def __init__(self, path):
        self.path = path
        self.name = path.name
        self.source = path.read_text(encoding="utf-8")

    def rendered(self):
        """What a reader sees, 100 columns wide and without hyphenation."""
        text = output_of("mandoc", "-T", "utf8", "-O", "width=100", self.path)
        return re.sub(r".\x08", "", text)

    def section(self, title):
        """The source of a section, .Sh, or of a subsection, .Ss."""
        found = re.search(rf'^\.(Sh|Ss) "?{re.escape(title)}"?\n(.*?)(?=^\.Sh|^\.Ss|\Z)', self.source,
                          re.M | re.S)
        if not found:
            raise AssertionError(f"{self.name} has no section {title}")
        if found[1] == "Ss":
            return found[2]
        return re.search(rf"^\.Sh {re.escape(title)}\n(.*?)(?=^\.Sh|\Z)", self.source,
                         re.M | re.S)[1]

    def displays(self, title):
        """The literal displays of a section, as they are printed."""
        return [plain(text) for text in
                re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", self.section(title), re.M | re.S)]

    def items(self, macro, text=None):
        """The words behind that macro in the tags of lists: of `.It Ev A , Ev B` A and B."""
        words = []
        for tag in re.findall(r"^\.It (.*)", self.source if text is None else text, re.M):
            for piece in re.split(r" (?=,)", tag):
                words += re.findall(rf"(?:^|[, ]){macro} (\S+)", piece)
        return words

    def options(self, text):
        """{"--cost": "N"}: the options in the tags of lists, and what each takes."""
        found = {}
        for tag in re.findall(r"^\.It (Fl .*)", text, re.M):
            takes = re.search(r" Ar (.*)", tag)
            for option in re.findall(r"Fl (\S+)", tag):
                found["-" + plain(option)] = plain(takes[1]).replace(" Ns = Ns Ar ", "=") \
                    if takes else ""
        return found


def complaints(path):
    """What mandoc and man have to say of a page, but for pages of others that are not here."""
    lint = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True,
                          check=False).stdout
    lines = [line for line in lint.splitlines() if "referenced manual not found" not in line]
    man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                         capture_output=True, text=True, check=False,
                         env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "80"})
    return lines + man.stderr.splitlines() + ([] if man.returncode == 0 else ["man failed"])
