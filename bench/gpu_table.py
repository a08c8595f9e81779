"""What the rows of a GPU say as text."""

from report import milliseconds, row_of, verdict
from rows import GPU_ROWS

SIDES = {"ours": "ours", "jax": "JAX jit", "torch_compiled": "PyTorch compiled", "torch": "PyTorch eager"}


def numbers(values, text):
    return " / ".join(text(values.get(name)) for name in SIDES)


def microseconds(value):
    return "-" if value is None else f"{value:.3g}"


def cells_of(entry):
    if "failed" in entry:
        return [entry["title"], f"FAILED: {entry['failed']}".replace("|", "/")] + 5 * ["-"]
    apart = ", ".join(f"{value:.1g}" for value in entry["difference"].values()) or "not compared"
    return [
        entry["title"],
        numbers(entry["medians_ms"], milliseconds),
        verdict(entry["ratio_to_best"], entry["target"]["ratio_to_best"], False),
        verdict(entry["share_of_floor"], entry["target"]["share_of_floor"], True),
        numbers(entry["host_us"], microseconds),
        numbers(entry["cold_ms"], milliseconds),
        f"{apart}{' TOO FAR' if entry['wrong'] else ''}",
    ]


def table(results):
    """The rows of one precision."""
    sides = " / ".join(SIDES.values())
    head = ["work", f"ms: {sides}", "ratio", "share of floor", "host us of a call", "first call ms", "results apart"]
    lines = [row_of(head), "|" + len(head) * "---|"] + [row_of(cells_of(entry)) for entry in results["rows"]] + [""]
    lines.append("* ratio: to the better of JAX jit and PyTorch compiled. The first row's first calls are new processes'.")
    ceilings = results["ceilings"]
    if ceilings:
        lines.append(
            f"* Ceilings: products {ceilings['product_gflops'] / 1e3:.1f} TFLOP/s ({ceilings['product_by']}), copying "
            f"{ceilings['copy_gigabytes']:.0f} GB/s read and written ({ceilings['copy_by']})."
        )
    for entry in results["rows"]:
        lines += [f"* {text}." for text in entry.get("wrong", ())]
        for name in SIDES:
            form = entry.get("facts", {}).get(name, {}).get("form")
            lines += [f"* {entry['work']}, {SIDES[name]}: {form}."] if form else []
            skipped = entry.get("skipped", {}).get(name)
            lines += [f"* {entry['work']}, {SIDES[name]}, skipped: {skipped}."] if skipped else []
    for name, reason in results["missing"].items():
        lines.append(f"* {SIDES[name]} is missing: {reason}.")
    for name, version in results["versions"].items():
        lines.append(f"* {SIDES[name]}: " + ", ".join(f"{key} {value}" for key, value in version.items()) + ".")
    return "\n".join(lines) + "\n"


def targets(results):
    """Every target with its figure, of the results by precision."""
    lines = [row_of(["target", "precision", "found"]), "|---|---|---|"]
    met = total = 0
    for precision, rows in GPU_ROWS.items():
        entries = {entry["work"]: entry for entry in results.get(precision, {}).get("rows", ())}
        for row in rows:
            entry = entries.get(row.work, {})
            ceiling = "product ceiling" if row.floor and row.floor()["flops"] else "copy ceiling"
            for name, target, at_least, what in (
                ("ratio_to_best", row.ratio, False, "time, of the better of JAX jit and PyTorch compiled"),
                ("share_of_floor", row.share, True, f"share of the {ceiling}"),
                ("host_us", row.host_us, False, "host microseconds of a replayed step"),
                ("cold_ratio", row.cold, False, "first call in new processes, of the better of both"),
            ):
                if target is None:
                    continue
                value = entry.get(name)
                if name == "host_us":
                    value = (value or {}).get("ours")
                found = "not measured" if value is None else verdict(value, target, at_least)
                if entry.get("wrong"):
                    found += "; its results differ from the peers'"
                met += found.endswith(" met")
                total += 1
                lines.append(row_of([f"{row.title}: {what}", precision, found]))
    return "\n".join(lines) + f"\n\n{met} of {total} targets are met.\n"
