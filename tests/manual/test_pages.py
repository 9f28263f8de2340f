#!/usr/bin/python3
"""The manual pages, as installed, against the programs, the header and the settings."""

import os
import pathlib
import re
import subprocess
import tempfile
import tomllib

from pages import Page, complaints, plain
from programs import (BIN_DIR, RATEGATE, RATEGATED, SOURCE_DIR, Case, clean_environ, main, options,
                      output_of, subcommands, tied)

PAGES = ["man1/rategate.1", "man3/librategate.3", "man5/rategate.toml.5", "man8/rategated.8"]
# Of other packages.
OTHERS = {"redis-cli 1", "fork 2", "vfork 2", "sd_notify 3", "sd_watchdog_enabled 3",
          "sd_listen_fds 3"}


def source_text(*folders):
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders
                     for path in sorted((SOURCE_DIR / folder).rglob("*.[ch]*")))


def squeezed(text):
    """C with one blank between words, and none around a star."""
    return re.sub(r" ?([*,()]) ?", r"\1", re.sub(r"\s+", " ", text)).strip()


class Installed(Case):
    @classmethod
    def setUpClass(cls):
        cls.stage = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="rg-")))
        output_of(os.environ.get("RATEGATE_CMAKE", "cmake"), "--install", BIN_DIR.parent,
                  "--prefix", "/usr", env={"DESTDIR": str(cls.stage)})
        cls.man = cls.stage / "usr/share/man"
        cls.header = (SOURCE_DIR / "include/rategate/rategate.h").read_text(encoding="utf-8")
        cls.rategate, cls.library, cls.settings, cls.rategated = (
            Page(cls.man / name) for name in PAGES)

    def ended(self, *words, daemon=None, **options_):
        env = {"PATH": f"{BIN_DIR}:{os.environ['PATH']}"}
        if daemon is not None:
            env["RATEGATE_SOCKET"] = getattr(daemon, "socket", daemon)
        return subprocess.run(tied(words), env=clean_environ(**env), capture_output=True,
                              text=True, timeout=60, check=False, **options_)


class Pages(Installed):
    def test_nothing_to_complain_of(self):
        for name in PAGES:
            self.assertEqual(complaints(self.man / name), [], name)

    def test_a_mistake_is_complained_of(self):
        wrong = pathlib.Path(self.tmp(), "wrong.1")
        wrong.write_text(self.rategate.source.replace(".El\n", "", 1), encoding="utf-8")
        self.assertNotEqual(complaints(wrong), [])

    def test_every_reference_leads_somewhere(self):
        own = {path.name for path in self.man.rglob("*.[1-8]")}
        for name in PAGES:
            for page, section in re.findall(r"^\.Xr (\S+) (\d)", Page(self.man / name).source, re.M):
                self.assertTrue(f"{page}.{section}" in own or f"{page} {section}" in OTHERS,
                                f"{name}: {page}({section})")

    def test_each_function_can_be_looked_up(self):
        functions = set(re.findall(r"^RATEGATE_API .*?(rategate_\w+)\(", self.header, re.M | re.S))
        linked = {path.stem for path in (self.man / "man3").glob("rategate_*.3")}
        self.assertEqual(linked, functions)
        self.assertEqual(set(re.findall(r"^\.Nm (\w+)", self.library.source, re.M)), functions)
        for function in functions:
            shown = self.ended("man", "-M", self.man, "3", function)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertIn("rategate_resolve", shown.stdout)

    def test_nothing_of_this_machine(self):
        for path in self.man.rglob("*.[1-8]"):
            text = path.read_text(encoding="utf-8")
            self.assertNotIn(str(SOURCE_DIR), text)
            self.assertNotIn("@", text.replace("alice@example.com", "").replace("/ @", "")
                             .replace("password@", "").replace("-@all", ""), path)


class Programs(Installed):
    def test_options_of_rategated(self):
        self.assertEqual(self.rategated.options(self.rategated.section("DESCRIPTION")),
                         options(RATEGATED))

    def test_options_of_rategate(self):
        wanted = options(RATEGATE)
        for subcommand in subcommands():
            wanted.update(options(RATEGATE, subcommand))
        self.assertEqual(self.rategate.options(self.rategate.source), wanted)

    def test_which_subcommand_has_which_option(self):
        text = self.rategate.section("DESCRIPTION")
        lists = re.findall(r"^(?:Options of|An option of)\n(.*?)^\.Bl.*?\n(.*?)^\.El", text,
                           re.M | re.S)
        self.assertEqual(len(lists), 7)
        described = {subcommand: set() for subcommand in subcommands()}
        for of, items in lists:
            for subcommand in re.findall(r"\.Ic (\w+)", of):
                described[subcommand] |= set(self.rategate.options(items))
        for subcommand in ("explain", "settle", "refund", "clear", "reload", "run", "enter", "stay",
                           "leave", "limits", "ping", "info"):
            described[subcommand] -= {"-q", "--quiet"}  # "Only of check"
        for subcommand in subcommands():
            own = set(options(RATEGATE, subcommand)) - {"-h", "--help"}
            self.assertEqual(described[subcommand], own, subcommand)

    def test_subcommands(self):
        tags = [tag.split()[0] for tag in self.rategate.items("Ic")]
        self.assertEqual(tags, re.findall(r"^  (\w+) ", output_of(RATEGATE, "--help")
                                          .split("Commands:")[1], re.M))

    def test_environment(self):
        daemons = source_text("daemon")
        read = set(re.findall(r'"((?:REDIS|NOTIFY|WATCHDOG|CREDENTIALS|JOURNAL)_[A-Z]+)"', daemons))
        read |= {"WATCHDOG_USEC", "WATCHDOG_PID"} if "sd_watchdog_enabled(" in daemons else set()
        read |= {"LISTEN_FDS", "LISTEN_PID"} if "sd_listen_fds(" in daemons else set()
        self.assertEqual(set(self.rategated.items("Ev")), read)
        self.assertEqual(len(re.findall(r"\bgetenv\(", daemons)), 3,
                         "a variable is read in another place: is it in rategated(8)?")
        read = set(re.findall(r'getenv\("(\w+)"\)', source_text("client")))
        self.assertEqual(set(self.rategate.items("Ev")), read)
        self.assertEqual(set(self.library.items("Ev")), read)

    def test_exit_status_of_rategate(self):
        enum = re.search(r"enum ExitCode.*?};", (SOURCE_DIR / "client/cli/exit_code.hpp")
                         .read_text(encoding="utf-8"), re.S)[0]
        told = re.findall(r"^\.It (\d+)$", self.rategate.section("EXIT STATUS"), re.M)
        self.assertEqual(told, re.findall(r"= (\d+)", enum))
        work = {"limit": 1, "algorithm": "concurrency"}
        daemon = self.daemon(limits={"one": "1/1d", "work": work})
        nobody = f"{self.tmp()}/none"
        run = ("run", "one", "--timeout", "0", "--")
        enter = ("enter", "work", "--")
        for code, words, at in (
                (0, ("check", "one"), daemon), (1, ("check", "one"), daemon),
                (3, ("check", "one"), nobody), (2, ("check",), daemon),
                (0, ("acquire", "a", "--limit", "9"), daemon), (3, ("acquire", "one"), nobody),
                (1, ("acquire", "one", "--timeout", "9ms"), daemon), (2, ("acquire",), daemon),
                (1, ("peek", "one"), daemon), (0, ("peek", "a", "--limit", "9"), daemon),
                (3, ("peek", "one"), nobody), (2, ("peek",), daemon),
                (1, ("explain", "one"), daemon), (0, ("explain", "a", "--limit", "9"), daemon),
                (3, ("explain", "one"), nobody), (2, ("explain", "nowhere"), daemon),
                (0, ("refund", "one", "--receipt", "1"), daemon), (2, ("refund", "one"), daemon),
                (3, ("refund", "one", "--receipt", "1"), nobody),
                (75, (*run, "true"), daemon), (0, ("clear", "one"), daemon), (2, ("clear", "nowhere"), daemon),
                (3, ("clear", "one"), nobody), (125, (*run, "true"), nobody), (125, run, daemon),
                (126, ("run", "a", "--limit", "9", "--", "/"), daemon),
                (127, ("run", "a", "--limit", "9", "--", "/none"), daemon),
                (9, ("run", "a", "--limit", "9", "--", "sh", "-c", "exit 9"), daemon),
                (0, (*enter, "true"), daemon), (75, (*enter, RATEGATE, *enter, "true"), daemon),
                (125, (*enter, "true"), nobody), (125, enter, daemon), (126, (*enter, "/"), daemon),
                (127, (*enter, "/none"), daemon), (9, (*enter, "sh", "-c", "exit 9"), daemon),
                (143, (*enter, "sh", "-c", "kill $$"), daemon),
                (0, ("enter", "work", "--for", "1h"), daemon),
                (1, ("enter", "work", "--for", "1h"), daemon),
                (2, ("enter", "work", "--for", "1"), daemon),
                (3, ("enter", "work", "--for", "1h"), nobody),
                (1, ("stay", "1"), daemon), (2, ("stay",), daemon), (3, ("stay", "1"), nobody),
                (1, ("leave", "1"), daemon), (2, ("leave", "0"), daemon), (3, ("leave", "1"), nobody),
                (0, ("ping",), daemon), (3, ("ping",), nobody), (3, ("limits",), nobody)):
            with self.subTest(words=words, at=at):
                self.assertEqual(self.ended(RATEGATE, *words, daemon=at).returncode, code)

    def test_exit_status_of_rategated(self):
        told = re.findall(r"^\.It (\d+)$", self.rategated.section("EXIT STATUS"), re.M)
        self.assertEqual(told, ["0", "1", "2"])
        for code, words in ((0, ("--help",)), (0, ("--version",)), (2, ("--none",)),
                            (0, ("--memory", "--check-config")), (0, ("--memory", "--print-config")),
                            (1, ("--check-config",)), (1, ("--config", "/none")),
                            (2, ("--print-config", "--check-config")),
                            (1, ("--memory", "--socket", "/none/none"))):
            with self.subTest(words=words):
                self.assertEqual(self.ended(RATEGATED, *words).returncode, code)
        self.daemon().terminate()


class Library(Installed):
    def test_prototypes(self):
        declared = {squeezed(one) for one in
                    re.findall(r"^RATEGATE_API (.*?\));", self.header, re.M | re.S)}
        described = set()
        for kind, name, arguments in re.findall(
                r'^\.Ft "?(.*?)"?\n\.Fo (\w+)\n(.*?)^\.Fc', self.library.source, re.M | re.S):
            listed = ", ".join(re.findall(r'^\.Fa "(.*)"', arguments, re.M))
            described.add(squeezed(f"{kind} {name}({listed})"))
        self.assertEqual(described, declared)
        self.assertGreater(len(declared), 5)

    def test_structures(self):
        def members(text):
            text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
            return {name: squeezed(body) for body, name in
                    re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", text, re.S)}
        displays = "".join(self.library.displays("DESCRIPTION")
                           + self.library.displays("RETURN VALUES"))
        self.assertEqual(members(displays), members(self.header))

    def test_constants(self):
        known = set(re.findall(r"^#define (RATEGATE_\w+) ", self.header, re.M))
        known |= set(re.findall(r"^  (RATEGATE_\w+) =", self.header, re.M))
        for constant in known - {"RATEGATE_API"}:
            self.assertIn(constant, self.library.source)
        for constant in set(re.findall(r"\bRATEGATE_[A-Z_]+", self.library.source)):
            self.assertIn(constant, known | {"RATEGATE_SOCKET"})
        for number in re.findall(r"^#define RATEGATE_MAX_\w+ (\d+)", self.header, re.M):
            self.assertIn(number, self.library.source)

    def test_errors(self):
        listed = re.search(r"Error values:\n(.*?)\n \*\n", self.header, re.S)[1]
        wanted = re.findall(r"-(E[A-Z]+)", listed)
        told = []
        for tag in re.findall(r"^\.It Bq Er (.*)", self.library.source, re.M):
            told += tag.split(" , ")
        self.assertEqual(told, wanted)

    def test_the_example_works(self):
        source, = self.library.displays("EXAMPLES")
        folder = pathlib.Path(self.tmp())
        (folder / "example.c").write_text(source, encoding="utf-8")
        library = next(self.stage.glob("usr/lib/**/librategate.a"))
        output_of("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
                  "-Werror", "-O2", f"-I{self.stage}/usr/include", folder / "example.c",
                  library, "-o", folder / "example")
        daemon = self.daemon()
        printed = [self.ended(folder / "example", daemon=daemon) for _ in range(6)]
        self.assertEqual([one.stdout for one in printed[:5]], ["sent\n"] * 5)
        self.assertRegex(printed[5].stdout, r"^again in \d+ ms\n$")
        failed = self.ended(folder / "example", daemon=f"{folder}/none")
        self.assertEqual((failed.returncode, failed.stdout), (2, ""))
        self.assertIn("none", failed.stderr)


class Settings(Installed):
    def test_each_setting_as_the_daemon_explains_it(self):
        """The sample file, which comes from the same table, says the same of each."""
        sections = re.split(r"^#\[(\S+)\]\n", output_of(RATEGATED, "--print-sample"), flags=re.M)
        explained = list(zip([""] + sections[1::2], sections[::2]))
        shown = " ".join(self.settings.rendered().split())
        count = 0
        for section, text in explained:
            if section == "limits":
                continue
            title = {"": "Top level", "limits.upload": "[limits.NAME]\\&"}.get(
                section, f"[{section}]\\&")
            tags = re.findall(r"^\.It Ic (\w+)", self.settings.section(title), re.M)
            names = re.findall(r"^#(\w+) = ", text, re.M)
            self.assertEqual(tags, names)
            for words, name in re.findall(r"((?:^# .*\n)+)#(\w+) = ", text, re.M):
                sentence = " ".join(words.replace("# ", "").split())
                if section == "":  # the file's own head stands before it
                    sentence = sentence[sentence.index("Where permits"):]
                self.assertIn(sentence, shown, name)
                count += 1
        self.assertEqual(count, len(self.settings.items("Ic")))
        self.assertEqual(self.settings.source.count("\nReload: "), count)

    def test_defaults_ranges_and_reload_as_in_the_table_of_the_documentation(self):
        """docs/configuration.md, which a unit test holds against the table."""
        rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \| (.*?) \| (yes|no) \|",
                          (SOURCE_DIR / "docs/configuration.md").read_text(encoding="utf-8"), re.M)
        found = re.findall(r"^\.It Ic (\w+)\n.*?\nExpected: (.*?)\.\n\.br\nDefault: (.*?)\.\n"
                           r"\.br\nReload: (yes|no)\.$", self.settings.source, re.M | re.S)
        told = [(name, plain(default), plain(expected).replace("\n", " "), reload)
                for name, expected, default, reload in found]
        self.assertEqual(told, rows)
        self.assertEqual(len(rows), len(self.settings.items("Ic")))

    def test_the_examples_are_right(self):
        folder = pathlib.Path(self.tmp())
        examples = self.settings.displays("DESCRIPTION") + self.settings.displays("LIMITS")
        self.assertEqual(len(examples), 3)
        for at, text in enumerate(examples):
            file = folder / f"{at}.toml"
            file.write_text(text, encoding="utf-8")
            # One that shows a part of a file names no store.
            whole = re.search(r"^(store|\[redis|\[sentinel|\[cluster)", text, re.M)
            named = [RATEGATED, "--config", file, *([] if whole else ["--memory"])]
            output_of(*named, "--check-config")
            self.assertEqual(set(tomllib.loads(text)["limits"]),
                             set(tomllib.loads(output_of(*named, "--print-config"))["limits"]))

    def test_the_rights_of_the_users_are_those_of_the_documentation(self):
        pages = "redis-login.md", "redis-sentinel.md"
        for text, page in zip(self.settings.displays("REDIS"), pages, strict=True):
            words = re.sub(r"^redis-cli |['\\]", "", text).split()
            self.assertIn("\n" + " ".join(words) + "\n",
                          (SOURCE_DIR / "docs" / page).read_text(encoding="utf-8"))


class Examples(Installed):
    def test_those_of_rategate(self):
        daemon = self.daemon(limits={"api": "100/second",
                                     "report": {"limit": 1, "algorithm": "concurrency"}})
        mail, acquire, run, enter, hold, retry, info = self.rategate.displays("EXAMPLES")
        printed = [self.ended("sh", "-c", mail, daemon=daemon) for _ in range(6)]
        self.assertEqual([(one.stdout, one.stderr) for one in printed],
                         [("sent\n", "")] * 5 + [("", "not now\n")])
        for script, pattern in ((acquire, r"^allowed\n$"), (run, r"^started\n$"), (enter, r"^reported\n$"),
                                (hold, r"^made\nsent\nleft\n$"), (retry, r'^"retry_after_ms":-?\d+\n$'),
                                (info, r"(?m)^store")):
            shown = self.ended("sh", "-c", script, daemon=daemon)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertRegex(shown.stdout, pattern)

    def test_a_name_that_begins_with_a_minus_sign(self):
        daemon = self.daemon()
        shown = self.ended(RATEGATE, "check", "--limit", "3", "--", "-n", "-k", daemon=daemon)
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))

    def test_those_of_rategated(self):
        """Its options, by a check of what they make."""
        start = self.rategated.displays("EXAMPLES")[0].splitlines()[0].split()
        self.assertEqual(start[0], "rategated")
        output_of(RATEGATED, *start[1:], "--check-config")


if __name__ == "__main__":
    main()
