"""Builds another revision of rategate beside this one, as this one was built.

Its sources are unpacked into a folder of their own, without a work tree that git would have to
remember. All but bench/ is that revision's own; bench/ is ours on both sides, so that what asks and
what counts is the same, and each side's own library is in it where it links the library.
"""

import os
import shutil
import subprocess

from harness.programs import clean_environment

TARGETS = ("rategated", "rategate", "bench_shm")
# What decides how the compiler is called, as far as a folder's cache says it.
COMPILER = ("CMAKE_BUILD_TYPE", "CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_C_FLAGS",
            "CMAKE_CXX_FLAGS", "CMAKE_EXE_LINKER_FLAGS", "CMAKE_SHARED_LINKER_FLAGS",
            "CMAKE_CXX_STANDARD", "CMAKE_INTERPROCEDURAL_OPTIMIZATION", "RATEGATE_SANITIZE",
            "RATEGATE_WERROR")


class NotBuilt(Exception):
    """Why there is nothing to compare with."""


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        raise NotBuilt(f"{' '.join(map(str, command[:3]))}: {done.stdout.strip()[-2000:]}")
    return done.stdout.strip()


def commit_of(root, revision):
    return run("git", "-C", root, "rev-parse", "--verify", f"{revision}^{{commit}}")


def compiler_options(build):
    """As -D options, from a build folder's cache."""
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
        entries = dict(line.rstrip("\n").split("=", 1) for line in file
                       if "=" in line and not line.startswith(("#", "//")))
    values = {name.split(":")[0]: value for name, value in entries.items()}
    names = [name for name in values
             if name in COMPILER or name.endswith("_COMPILER_LAUNCHER")
             or name.startswith(("CMAKE_C_FLAGS_", "CMAKE_CXX_FLAGS_")) and "-" not in name]
    return [f"-D{name}={values[name]}" for name in sorted(names)]


def unpack(root, commit, source):
    """Whole or not at all, so that an interrupted run leaves nothing that looks whole."""
    if os.path.isdir(source):
        return
    part = source + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    archive = os.path.join(part, "archive.tar")
    run("git", "-C", root, "archive", "--format=tar", "-o", archive, commit)
    run("tar", "-x", "-f", archive, "-C", part)
    os.remove(archive)
    os.rename(part, source)


def build(root, our_bin, revision, folder):
    """(commit, its programs' folder), built in `folder`; once more there is nothing to compile."""
    commit = commit_of(root, revision)
    source = os.path.join(folder, commit[:12])
    our_build = os.path.dirname(our_bin)
    unpack(root, commit, source)
    shutil.rmtree(os.path.join(source, "bench"))
    shutil.copytree(os.path.join(root, "bench"), os.path.join(source, "bench"),
                    ignore=shutil.ignore_patterns("peers", "__pycache__"))
    # As deep below its sources as ours is below ours, because ccache compares relative paths.
    below = os.path.relpath(our_build, root)
    made = os.path.join(source, "build" if below.startswith(os.pardir) else below)
    environment = {"CCACHE_NOHASHDIR": "true", "CCACHE_SLOPPINESS": "pch_defines,time_macros,locale",
                   **clean_environment(), "CCACHE_BASEDIR": source}
    run("cmake", "-G", "Ninja", "-S", source, "-B", made, *compiler_options(our_build),
        "-DRATEGATE_TESTS=OFF", "-DRATEGATE_BENCH=ON", env=environment)
    run("cmake", "--build", made, "--target", *TARGETS, env=environment)
    return commit, os.path.join(made, "bin")
