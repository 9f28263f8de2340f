"""What it ran on, for whoever reads the numbers."""

import datetime
import os
import platform
import re
import subprocess


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except OSError:
        return "not there"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""


def processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def system():
    with open("/etc/os-release", encoding="utf-8") as file:
        found = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.MULTILINE)
    return found.group(1) if found else ""


def describe(bin_dir):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "system": system(),
        "load_before": round(os.getloadavg()[0], 2),
        "rategated": first_line(os.path.join(bin_dir, "rategated"), "--version"),
        "redis": first_line("redis-server", "--version").split(" sha=")[0],
        "compiler": first_line("cc", "--version"),
        "python": platform.python_version(),
        "node": first_line("node", "--version"),
        "go": first_line("go", "version"),
        "cargo": first_line("cargo", "--version"),
    }
