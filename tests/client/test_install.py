#!/usr/bin/python3
"""The installed library, as another project uses it: pkg-config and CMake, shared and static."""

import os
import pathlib
import subprocess
from tempfile import TemporaryDirectory

from client_harness import BUILD_DIR, HERE, SANITIZE, SLOW, SOURCE_DIR, Case, main

CMAKE = os.environ.get("RATEGATE_CMAKE", "cmake")
CC = os.environ.get("RATEGATE_CC", "cc")
CXX = os.environ.get("RATEGATE_CXX", "c++")
VERSION = (SOURCE_DIR / "VERSION").read_text(encoding="ascii").strip()
PREFIX = "opt/rategate"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-O2"]
SANITIZER = [f"-fsanitize={SANITIZE}"] if SANITIZE else []


class Install(Case):
    @classmethod
    def setUpClass(cls):
        cls.stage = pathlib.Path(cls.enterClassContext(TemporaryDirectory()))
        cls.run_tool(CMAKE, "--install", BUILD_DIR, "--prefix", f"/{PREFIX}",
                     env={"DESTDIR": str(cls.stage)})
        cls.prefix = cls.stage / PREFIX
        cls.lib = next(cls.prefix.glob("lib/**/librategate.a")).parent

    @staticmethod
    def run_tool(*words, env=None):
        result = subprocess.run([str(word) for word in words], env={**os.environ, **(env or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=120 * SLOW, check=False)
        if result.returncode != 0:
            raise AssertionError(f"{words} failed:\n{result.stdout}")
        return result.stdout

    def pkg_config(self, *words):
        return self.run_tool("pkg-config", *words, "rategate",
                             env={"PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}).split()

    def assert_works(self, program, shared):
        daemon = self.daemon()
        result = self.run_program(program, daemon=daemon,
                                  env={"LD_LIBRARY_PATH": str(self.lib)} if shared else {})
        self.assert_success(result)
        self.assertEqual(result.stdout, f"{VERSION} allowed\n")
        needed = self.run_tool("readelf", "-d", program)
        self.assertEqual("librategate.so.1" in needed, shared)

    def test_what_is_installed_where(self):
        found = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")}
        lib = str(self.lib.relative_to(self.prefix))
        wanted = {"bin/rategate", "include/rategate/rategate.h", "include/rategate/rategate.hpp",
                  "include/rategate/decision.hpp", "include/rategate/entry.hpp",
                  f"{lib}/librategate.so", f"{lib}/librategate.so.1",
                  f"{lib}/librategate.so.{VERSION}", f"{lib}/librategate.a",
                  f"{lib}/pkgconfig/rategate.pc", f"{lib}/cmake/rategate/rategate-config.cmake",
                  f"{lib}/cmake/rategate/rategate-config-version.cmake"}
        self.assertEqual(wanted - found, set())
        for path in self.prefix.rglob("*.[pc][cm]*"):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                for private in (str(SOURCE_DIR), str(BUILD_DIR), "rategate_flags", "-fsanitize"):
                    self.assertNotIn(private, text, path)
        self.assertIn(VERSION, self.run_tool(self.prefix / "bin/rategate", "--version"))

    def test_pkg_config(self):
        self.assertEqual(self.pkg_config("--modversion"), [VERSION])
        flags = self.pkg_config("--cflags")
        libs = self.pkg_config("--libs")
        static = ["-Wl,-Bstatic", *libs, "-Wl,-Bdynamic"]
        for compiler, standard, source in ((CC, "-std=c11", "main.c"),
                                           (CXX, "-std=c++17", "main.cpp")):
            for shared in (True, False):
                with self.subTest(source=source, shared=shared):
                    program = self.stage / f"{source}.{shared}"
                    self.run_tool(compiler, standard, *STRICT, *SANITIZER, *flags,
                                  HERE / "consumer" / source, "-o", program,
                                  *(libs if shared else static))
                    self.assert_works(program, shared)

    def test_cmake_package(self):
        build = self.stage / "consumer"
        options = " ".join(STRICT + SANITIZER)
        configure = [CMAKE, "-S", HERE / "consumer", "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
                     f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}",
                     f"-DCMAKE_C_FLAGS={options}", f"-DCMAKE_CXX_FLAGS={options}"]
        self.run_tool(*configure, f"-DWANTED_VERSION={VERSION}")
        self.run_tool(CMAKE, "--build", build)
        for language in ("c", "cpp"):
            for kind in ("shared", "static"):
                with self.subTest(language=language, kind=kind):
                    self.assert_works(build / f"{language}_{kind}", kind == "shared")
        with self.assertRaisesRegex(AssertionError, "rategate"):
            self.run_tool(*configure, "-DWANTED_VERSION=99.0")


if __name__ == "__main__":
    main()
