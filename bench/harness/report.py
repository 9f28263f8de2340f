"""From what each round measured to rows: medians, spreads and marks, as text and as Markdown."""

import statistics


def series(row, rounds):
    """The row's number of each round that has it; a ratio is made within a round."""
    values = []
    for measured in rounds:
        parts = []
        for name in filter(None, (row.of, row.to)):
            contestant, number = name.rsplit("/", 1)
            parts.append(measured.get(contestant, {}).get(number))
        if None in parts or (row.to and parts[1] == 0):
            continue
        values.append((parts[0] / parts[1] if row.to else parts[0]) * row.scale)
    return values


def evaluate(rows, rounds, reasons):
    """One dictionary for each row that was asked for."""
    for row in rows:
        asked = all(name in reasons or any(name in measured for measured in rounds)
                    for name in row.contestants())
        if not asked:
            continue
        values = series(row, rounds)
        due = [measured for measured in rounds if set(row.contestants()) <= set(measured)]
        failed = [reasons[name] for name in row.contestants() if name in reasons]
        line = {"what": row.what, "unit": row.unit, "must": row.must, "beyond": row.beyond,
                "at_most": row.least, "rounds": values,
                "measured": 0 < len(values) == len(due) and not failed}
        if values:
            line["median"] = statistics.median(values)
            line["min"], line["max"] = min(values), max(values)
            line["mark"] = row.mark(line["median"])
        if not line["measured"]:
            line["why"] = failed[0] if failed else "no number"
            line["mark"] = "NOT MEASURED"
        yield line


def number(value):
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if size >= 0.01 else f"{value:.2g}"


def target(line, which):
    if line[which] is None:
        return ""
    return f"{'<=' if line['at_most'] else '>='} {number(line[which])}"


def cells(line):
    if "median" in line:
        middle = f"{number(line['median'])} {line['unit']}".strip()
        spread = f"{number(line['min'])} - {number(line['max'])}"
    else:
        middle, spread = "-", ""
    why = f" ({line['why']})" if "why" in line else ""
    return [line["what"], middle, spread, target(line, "must"), target(line, "beyond"),
            line.get("mark", "") + why]


HEAD = ["what", "median", "min - max", "must", "beyond", ""]


def as_text(title, head, rows):
    table = [head] + rows
    widths = [max(len(row[i]) for row in table) for i in range(len(head) - 1)]
    text = [title, ""]
    for row in table:
        text.append("  ".join([row[0].ljust(widths[0])]
                              + [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:])]
                              + [row[-1]]).rstrip())
    return "\n".join(text) + "\n"


def as_markdown(title, head, rows):
    text = [f"### {title}", "", "| " + " | ".join(head) + " |",
            "| --- |" + " ---: |" * (len(head) - 2) + " --- |"]
    for row in rows:
        text.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(text) + "\n"


def machine_text(machine, rounds):
    of = machine
    return (f"{of['date']}, {rounds} rounds; {of['cores']} cores of {of['processor']}, "
            f"{of['memory_gib']} GiB, Linux {of['kernel']}, {of['system']}; load before: "
            f"{of['load_before']}.\n{of['rategated']}; {of['redis']}; {of['compiler']}; Python "
            f"{of['python']}; Node {of['node']}; {of['go']}; {of['cargo']}.\n")


def whole(head, tables, render):
    """`tables`: of each its title, the names of its columns, and its rows."""
    return "\n".join([head] + [render(*table) for table in tables])


def tables(results):
    for title, part in (("Targets", "targets"), ("Peers", "peers"), ("Numbers", "details")):
        if results[part]:
            yield title, HEAD, [cells(line) for line in results[part]]


def measured(results, render):
    return whole(machine_text(results["machine"], results["rounds"]), tables(results), render)
