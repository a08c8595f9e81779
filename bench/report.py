"""The table that tools/bench prints."""

LIBRARIES = {"jax": "JAX", "torch": "PyTorch"}


def verdict(value, target, at_least):
    if value is None:
        return "-"
    if target is None:
        return f"{value:.2f}"
    met = value >= target if at_least else value <= target
    decimals = 2 if target >= 0.1 else 4  # small targets have small values
    return f"{value:.{decimals}f} ({'>=' if at_least else '<='} {target:.{decimals}f}) {'met' if met else 'MISSED'}"


def milliseconds(value):
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def share(entry):
    text = verdict(entry["share_of_floor"], entry["target"]["share_of_floor"], True)
    if entry["opaque_floor_ms"]:
        text += f"; {entry['opaque_floor_ms'] / entry['ours_ms']:.2f} of the opaque one"
    return text


def threads(entry, name):
    """Busy threads, and on how many processors together."""
    found = entry["threads"].get(name)
    return f"{found['busy']} on {found['processors']:.1f}" if found else "-"


def span(results, ceiling, digits):
    """A ceiling, or its range where rows were measured in several runs."""
    rates = [entry["ceilings"][ceiling] for entry in results["rows"]]
    low, high = (f"{rate:.{digits}f}" for rate in (min(rates), max(rates)))
    return low if low == high else f"{low} to {high}"


def row_of(cells):
    return "| " + " | ".join(cells) + " |"


def notes(entries, name):
    """Which forms of the work a peer runs, and what it skips."""
    forms = {entry["work"]: entry["facts"].get(name, {}).get("form") for entry in entries}
    chosen = "; ".join(f"{work}: {form}" for work, form in forms.items() if form)
    skipped = {entry["work"]: entry.get("skipped", {}).get(name) for entry in entries}
    lines = [f"* {LIBRARIES[name]}'s fastest forms: {chosen}."] if chosen else []
    return lines + [f"* {LIBRARIES[name]} skipped {work}: {reason}." for work, reason in skipped.items() if reason]


def table(results):
    peers = [name for name in LIBRARIES if name == "jax" or any(name in e["medians_ms"] for e in results["rows"])]
    sides = " / ".join(["ours", *(LIBRARIES[name] for name in peers)])
    head = ["work", "ours ms", "floor ms", "share of floor"] + [f"{LIBRARIES[name]} ms" for name in peers]
    head += ["ratio to the best peer", f"threads {sides}", f"first call ms {sides}"]
    lines = [row_of(head), "|" + len(head) * "---|"]
    entries = {entry["work"]: entry for entry in results["rows"]}
    for entry in results["rows"]:
        busy = [threads(entry, name) for name in ("ours", *peers)]
        first = [milliseconds(entry["first_call_ms"].get(name)) for name in ("ours", *peers)]
        cells = [
            entry["title"] + (f" ({entry['disturbed_rounds']} rounds disturbed)" if entry["disturbed_rounds"] else ""),
            milliseconds(entry["ours_ms"]),
            milliseconds(entry["floor_ms"]),
            share(entry),
            *(milliseconds(entry["medians_ms"].get(name)) for name in peers),
            verdict(entry["ratio_to_best"], entry["target"]["ratio_to_best"], False),
            " / ".join(busy),
            " / ".join(first),
        ]
        lines.append(row_of(cells))
    lines.append("")
    if "meanflow_step" in entries:
        meanflow = entries["meanflow_step"]
        if "fm_step" in entries:
            times = meanflow["ours_ms"] / entries["fm_step"]["ours_ms"]
            lines.append(f"* The MeanFlow step takes {verdict(times, 1.40, False)} of our FM step.")
    for entry in results["rows"]:
        target = entry["target"].get("memory")
        if target and entry["jax_temp_bytes"]:
            ours, jax = entry["ours_temp_bytes"], entry["jax_temp_bytes"]
            lines.append(
                f"* Temporaries of {entry['work']}: {ours / 2**20:.1f} MiB, JAX {jax / 2**20:.1f} MiB, ratio "
                f"{verdict(ours / jax, target, False)}."
            )
    lines.append(
        f"* Ceilings with two threads: products {span(results, 'product_gflops', 0)} GFLOP/s "
        f"({results['ceilings']['product_by']}), copying {span(results, 'copy_gigabytes', 1)} GB/s read and written "
        f"({results['ceilings']['copy_by']})."
    )
    for name in peers:
        lines += notes(results["rows"], name)
    machine = results["machine"]
    lines.append(f"* {machine['processor']}, {machine['processors_used']} processors, {machine['system']}.")
    for name, version in results["versions"].items():
        lines.append(f"* {name}: " + ", ".join(f"{key} {value}" for key, value in version.items()) + ".")
    return "\n".join(lines) + "\n"
