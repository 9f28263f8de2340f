"""The systemd units, as they are installed under each prefix, held to systemd's own opinion."""

import os
import pathlib
import re
import subprocess

import harness

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(rategate NONE)
include(GNUInstallDirs)
add_subdirectory("{source}/systemd" units)
"""


def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False, **more)


class Units(harness.Case):
    def setUp(self):
        self.dir = pathlib.Path(self.tmp())
        self.root = self.dir / "root"

    def install(self, prefix):
        """Installs what systemd/ installs, and nothing else, so that nothing need be built."""
        source, build = self.dir / "source", self.dir / "build"
        source.mkdir(exist_ok=True)
        (source / "CMakeLists.txt").write_text(PROJECT.format(source=harness.SOURCE_DIR))
        made = run("cmake", "-Wno-dev", "-S", source, "-B", build,
                   f"-DCMAKE_INSTALL_PREFIX={prefix}")
        self.assertEqual(made.returncode, 0, made.stdout)
        return self.install_again()

    def install_again(self):
        done = run("cmake", "--install", self.dir / "build",
                   env=dict(os.environ, DESTDIR=str(self.root)))
        self.assertEqual(done.returncode, 0, done.stdout)
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")
                      if path.is_file())

    def unit(self, name):
        """The installed unit's text, and the copy of it that runs the program under test."""
        path, = self.root.rglob(name)
        text = path.read_text()
        copy = self.dir / name
        copy.write_text(re.sub(r"(?<==)/\S*/rategated\b", harness.DAEMON, text))
        return text, copy

    def test_under_usr_each_file_has_its_place(self):
        named = run("pkg-config", "--variable=systemdsystemunitdir", "systemd").stdout.strip()
        unit_dir = (named or "/lib/systemd/system").lstrip("/")
        self.assertEqual(self.install("/usr"), sorted([
            "etc/default/rategated",
            "etc/rategate/rategate.toml",
            f"{unit_dir}/rategated.service",
            f"{unit_dir}/rategated.socket",
            "usr/lib/sysusers.d/rategate.conf",
            "usr/share/doc/rategate/examples/rategate.toml",
        ]))
        self.assertTrue((self.root / "etc/rategate/limits.d").is_dir())
        text, _ = self.unit("rategated.service")
        self.assertIn("\nExecStartPre=/usr/sbin/rategated --check-config\n", text)
        self.assertIn("\nExecStart=/usr/sbin/rategated\n", text)
        release = run("pkg-config", "--modversion", "systemd").stdout.strip()
        signals = not release or int(release.split(".")[0]) < 253
        self.assertIn("\nType=notify\n" if signals else "\nType=notify-reload\n", text)
        self.assertIn("\nExecReload=/usr/sbin/rategated --check-config\n", text)
        self.assertEqual("\nExecReload=/bin/kill -HUP $MAINPID\n" in text, signals)
        self.assertIn("\nEnvironmentFile=-/etc/default/rategated\n", text)

    def test_under_another_prefix_nothing_is_outside_of_it(self):
        files = self.install("/opt/rg")
        self.assertEqual([file for file in files if not file.startswith("opt/rg/")], [])
        self.assertIn("opt/rg/lib/systemd/system/rategated.service", files)
        self.assertIn("opt/rg/etc/rategate/rategate.toml", files)
        text, _ = self.unit("rategated.service")
        self.assertIn(
            "\nExecStart=/opt/rg/sbin/rategated --config /opt/rg/etc/rategate/rategate.toml\n",
            text)

    def test_what_was_edited_is_kept(self):
        self.install("/usr")
        for name in ("etc/rategate/rategate.toml", "etc/default/rategated"):
            (self.root / name).write_text("# edited\n")
        self.install_again()
        for name in ("etc/rategate/rategate.toml", "etc/default/rategated"):
            self.assertEqual((self.root / name).read_text(), "# edited\n")

    def test_systemd_finds_nothing_wrong(self):
        self.install("/usr")
        copies = [self.unit(name)[1] for name in ("rategated.service", "rategated.socket")]
        done = run("systemd-analyze", "verify", "--recursive-errors=yes", *copies)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_sandbox_is_tight(self):
        self.install("/usr")
        _, copy = self.unit("rategated.service")
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=15", copy)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_must_stay_off_is_off_and_has_its_reason(self):
        self.install("/usr")
        text, _ = self.unit("rategated.service")
        for option in ("PrivateUsers", "PrivateNetwork", "DynamicUser", "IPAddressDeny"):
            self.assertNotRegex(text, rf"(?m)^{option}=")
            self.assertRegex(text, rf"(?m)^# {option}: \S+")
        self.assertIn("\nSystemCallErrorNumber=EPERM\n", text)
        self.assertLess(text.index("~@privileged"), text.index("SystemCallFilter=@chown"))

    def test_the_user_is_one_that_systemd_can_make(self):
        self.install("/usr")
        snippet, = self.root.rglob("rategate.conf")
        (self.root / "etc").mkdir(exist_ok=True)
        done = run("systemd-sysusers", "--dry-run", f"--root={self.root}", snippet)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Creating user 'rategate'", done.stdout)
        self.assertIn("Creating group 'rategate'", done.stdout)

    def test_the_environment_file_sets_nothing_by_itself(self):
        lines = (harness.SOURCE_DIR / "packaging/rategated.default").read_text().splitlines()
        self.assertEqual([line for line in lines if line and not line.startswith("#")], [])
        named = set(re.findall(r"(?m)^#(REDIS_[A-Z]+)=", "\n".join(lines)))
        self.assertEqual(named, {"REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD"})


if __name__ == "__main__":
    harness.main()
