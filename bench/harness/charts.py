"""The two pictures, by gnuplot."""

import os
import shutil
import statistics
import subprocess

COLOURS = ["#1b6ca8", "#d1495b", "#66a182", "#edae49", "#6c4f77", "#333333"]
DEPTHS = (1, 16, 64)
STYLE = """set terminal svg size 820,460 font "sans-serif,13" background "white"
set output "{output}"
set border 3
set grid ytics lc rgb "#dddddd"
set xtics nomirror
set ytics nomirror
set key outside right top
"""


def plot(path, script, data):
    """Whether it was drawn: without gnuplot there are no pictures, and a run says so."""
    if shutil.which("gnuplot") is None:
        return False
    text = STYLE.format(output=path) + "".join(
        f"${name} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n"
        for name, points in data.items()) + script
    subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return True


def lines(names):
    return ", ".join(
        f'$d{i} using 1:2 with linespoints lw 2 pt 7 ps 0.5 lc rgb "{COLOURS[i % len(COLOURS)]}" '
        f'title "{name}"' for i, name in enumerate(names))


def medians(rounds, contestant, number):
    return [measured[contestant][number] for measured in rounds
            if number in measured.get(contestant, {})]


def latency(folder, rounds):
    """Latency against share of the requests, each point the median of the rounds."""
    curves = {}
    for name in sorted({name for measured in rounds for name in measured}):
        if not name.startswith(("open loop: ", "shm: each")):
            continue
        runs = medians(rounds, name, "curve")
        unit = 1e-3 if name.startswith("shm") else 1
        curves[name] = [(1 / (1 - points[0][0]), statistics.median(point[1] for point in points) * unit)
                        for points in zip(*runs)]
    if not curves:
        return True
    ticks = ", ".join(f'"{label}" {at}' for label, at in (
        ("50 %%", 2), ("90 %%", 10), ("99 %%", 100), ("99.9 %%", 1000), ("99.99 %%", 10000),
        ("99.9999 %%", 1000000)))
    script = f"""set logscale xy
set title "Latency from the moment a request was due"
set xtics ({ticks})
set ylabel "microseconds"
plot {lines(curves)}
"""
    return plot(os.path.join(folder, "latency.svg"), script,
                {f"d{i}": points for i, points in enumerate(curves.values())})


def rate_by_depth(folder, rounds):
    curves = {}
    for title, pattern in (("redis-server INCR", "redis INCR, P{}"), ("CHECK", "CHECK, P{}"),
                           ("CHECK, exact", "CHECK exact, P{}")):
        points = []
        for depth in DEPTHS:
            rates = medians(rounds, pattern.format(depth), "rate")
            if rates:
                points.append((depth, statistics.median(rates) / 1e6))
        if points:
            curves[title] = points
    if not curves:
        return True
    script = f"""set title "Rate, 50 clients"
set logscale x 2
set xlabel "requests under way on each connection"
set ylabel "million requests a second"
set yrange [0:*]
plot {lines(curves)}
"""
    return plot(os.path.join(folder, "rate.svg"), script,
                {f"d{i}": points for i, points in enumerate(curves.values())})


def draw(folder, rounds):
    return latency(folder, rounds) and rate_by_depth(folder, rounds)
