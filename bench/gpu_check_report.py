"""Gathers what tools/gpu-check found into results.json and table.md. Needs nothing but Python.

usage: gpu_check_report.py OUT PARTS MACHINE RESULTS_DIRECTORY
PARTS has a line for each part: name, status (passed, failed, stopped, skipped), seconds, limit and note, apart by tabs.
MACHINE is text. Below the last lie <precision>/results.json of bench/run.py, where it came so far."""

import json
import pathlib
import sys

import gpu_table
from report import row_of


def read_parts(path):
    names = ("part", "status", "seconds", "limit", "note")
    return [dict(zip(names, line.split("\t"))) for line in path.read_text().splitlines()]


def read_results(directory):
    found = {}
    for precision in gpu_table.GPU_ROWS:
        path = directory / precision / "results.json"
        if path.exists():
            found[precision] = json.loads(path.read_text())
    return found


def page(parts, machine, results):
    head = row_of(["part", "status", "seconds", "of at most", "note"])
    text = f"# Check on a GPU\n\n{head}\n|---|---|---|---|---|\n"
    for part in parts:
        status = part["status"] if part["status"] == "passed" else part["status"].upper()
        text += row_of([part["part"], status, part["seconds"], part["limit"], part["note"].replace("|", "/")]) + "\n"
    text += "\n## Targets\n\n" + gpu_table.targets(results)
    for precision, found in results.items():
        text += f"\n## Products in {precision}\n\n" + gpu_table.table(found)
    return text + "\n## Machine\n\n```\n" + machine.strip() + "\n```\n"


def main(out, parts_file, machine_file, directory):
    parts = read_parts(pathlib.Path(parts_file))
    machine = pathlib.Path(machine_file).read_text()
    results = read_results(pathlib.Path(directory))
    whole = {"parts": parts, "machine": machine, "precisions": results}
    out = pathlib.Path(out)
    (out / "results.json").write_text(json.dumps(whole, indent=1) + "\n")
    (out / "table.md").write_text(page(parts, machine, results))


if __name__ == "__main__":
    main(*sys.argv[1:])
