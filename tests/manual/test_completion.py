#!/usr/bin/python3
"""Completion in real shells, installed as a package has it, held against --help."""

import os
import pathlib
import re
import signal
import tempfile
import time

from programs import (BIN_DIR, RATEGATE, RATEGATED, SLOW, Case, main, options, output_of,
                      subcommands)
from shells import Bash, Fish, Zsh

NAMES = {"api", "apple", "mail@example.org", "v2/search"}
LIMITS = {name: "100/second" for name in NAMES}


def long_options(found):
    return {word for word in found if word.startswith("--") and word != "--"}


class Shells:
    """The tests, the same for each shell."""

    shell_class = None

    @classmethod
    def setUpClass(cls):
        cls.stage = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="rg-"))
        output_of(os.environ.get("RATEGATE_CMAKE", "cmake"), "--install", BIN_DIR.parent,
                  "--prefix", "/usr", env={"DESTDIR": cls.stage})

    def shell(self, daemon=None, socket=None, **options_):
        socket = daemon.socket if daemon else socket or f"{self.tmp()}/none.sock"
        return self._owned(self.shell_class(f"{self.stage}/usr/share",
                                            {"RATEGATE_SOCKET": socket}, **options_))

    def test_subcommands(self):
        shell = self.shell()
        self.assertEqual(shell.complete("rategate "), set(subcommands()))
        self.assertEqual(shell.complete("rategate li"), {"limits"})
        self.assertEqual(shell.complete("rategate --socket x p"), {"peek", "ping"})

    def test_options(self):
        shell = self.shell()
        own = long_options(options(RATEGATE))
        self.assertEqual(long_options(shell.complete("rategate --")), own)
        for subcommand in subcommands():
            with self.subTest(subcommand=subcommand):
                wanted = long_options(options(RATEGATE, subcommand)) | {"--socket"}
                offered = shell.complete(f"rategate {subcommand} --")
                self.assertEqual(long_options(offered), wanted)

    def test_options_of_the_daemon(self):
        shell = self.shell()
        self.assertEqual(long_options(shell.complete("rategated --")),
                         long_options(options(RATEGATED)))
        levels = re.search(r"--log-level LEVEL +(.*)", output_of(RATEGATED, "--help"))[1]
        self.assertEqual(shell.complete("rategated --log-level "),
                         set(levels.replace(" or ", ", ").split(", ")))

    def test_limits_of_the_daemon(self):
        shell = self.shell(self.daemon(limits=LIMITS))
        for subcommand in ("check", "peek", "explain", "settle", "refund", "clear", "run"):
            self.assertEqual(shell.complete(f"rategate {subcommand} "), NAMES)
            self.assertEqual(shell.complete(f"rategate {subcommand} ap"), {"api", "apple"})
        for prefix in ("mail", "mail@", "mail@exa"):
            self.assertEqual(shell.complete(f"rategate check {prefix}"), {"mail@example.org"})
        self.assertEqual(shell.complete("rategate check v2/"), {"v2/search"})
        self.assertEqual(shell.complete("rategate check --cost 2 ap"), {"api", "apple"})
        self.assertEqual(shell.complete("rategate settle --took 2 --used 1 --receipt 7 ap"),
                         {"api", "apple"})
        for line in ("rategate check api ", "rategate ping "):
            # zsh offers options where there is nothing else.
            words = {word for word in shell.complete(line) if not word.startswith("-")}
            self.assertEqual(words, set(), line)

    def test_limits_of_the_daemon_that_the_line_names(self):
        socket = self.daemon(limits=LIMITS).socket
        shell = self.shell()
        for words in (f"--socket {socket} check", f"--socket={socket} check",
                      f"check --socket {socket}"):
            with self.subTest(words=words):
                self.assertEqual(shell.complete(f"rategate {words} ap"), {"api", "apple"})

    def test_no_daemon_or_one_that_hangs(self):
        self.assertEqual(self.shell().complete("rategate check "), set())
        daemon = self.daemon(limits=LIMITS)
        shell = self.shell(daemon)
        daemon.signal(signal.SIGSTOP)
        began = time.monotonic()
        self.assertEqual(shell.complete("rategate check "), set())
        self.assertLess(time.monotonic() - began, 4 * SLOW)
        if hasattr(shell, "printed"):
            for word in (b"rategate:", b"Nothing listens", b"Terminated"):
                self.assertNotIn(word, bytes(shell.printed))

    def test_limits_that_are_none(self):
        """The advice that is printed then is no limit."""
        self.assertEqual(self.shell(self.daemon(limits={})).complete("rategate check "), set())

    def test_sections(self):
        daemon = self.daemon()
        with daemon.conn() as conn:
            sections = {name.lower() for name in
                        re.findall(r"^# (\w+)", conn.command("INFO").decode(), re.M)}
        self.assertEqual(self.shell().complete("rategate info "), sections)

    def test_files(self):
        shell = self.shell()
        folder = pathlib.Path(self.tmp())
        (folder / "one.sock").touch()
        for line in (f"rategate --socket {folder}/o", f"rategate check --socket {folder}/o",
                     f"rategated --config {folder}/o"):
            with self.subTest(line=line):
                offered = {os.path.basename(word) for word in shell.complete(line)}
                self.assertEqual(offered, {"one.sock"})

    def test_the_command_of_run(self):
        shell = self.shell()
        self.assertEqual(shell.complete("rategate run api --timeout 1s -- rategat")
                         & {"rategate", "rategated", "api"}, {"rategate", "rategated"})
        for subcommand in ("run", "enter"):
            self.assertEqual(shell.complete(f"rategate {subcommand} api -- rategate pi"), {"ping"})
            offered = shell.complete(f"rategate {subcommand} api -- rategated --conf")
            self.assertEqual(long_options(offered), {"--config"})


class InBash(Shells, Case):
    shell_class = Bash

    def test_the_line_after_tab(self):
        """Found by bash-completion itself, and put where bash's own ends of words are."""
        shell = self.shell(self.daemon(limits=LIMITS), loader=True)
        for typed, wanted in (("rategate li", "rategate limits "),
                              ("rategate check mail@e", "rategate check mail@example.org "),
                              ("rategate check mai", "rategate check mail@example.org "),
                              ("rategate check v", "rategate check v2/search "),
                              ("rategated --mem", "rategated --memory "),
                              ("rategated --log-level=w", "rategated --log-level=warning ")):
            with self.subTest(typed=typed):
                self.assertEqual(shell.type_tab(typed), wanted)


class InZsh(Shells, Case):
    shell_class = Zsh


class InFish(Shells, Case):
    shell_class = Fish


if __name__ == "__main__":
    main()
