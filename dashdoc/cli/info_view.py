"""What `dashdoc info` shows."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dashdoc.cli.colors import BAD, GOOD
from dashdoc.cli.figures import counted, size


def info_view(facts: Mapping[str, Any]) -> RenderableType:
    """Machine, model and documents as names and values."""
    parts = [*_section("Machine", _machine(facts)), "", *_section("Model", _model(facts))]
    if facts["estimate"]:
        names = [document["name"] for document in facts["documents"]]
        title = names[0] if len(names) == 1 else f"{len(names)} documents"
        parts += ["", *_section(title, _documents(facts))]
    return Group(*parts)


def _section(title: str, rows: list[tuple[str, str | Text]]) -> list[RenderableType]:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=16)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value)
    return [Text(title, "bold"), Padding(grid, (0, 0, 0, 2), expand=False)]


def _machine(facts: Mapping[str, Any]) -> list[tuple[str, str | Text]]:
    machine = facts["machine"]
    device = machine["device"]
    if machine["device_name"]:
        device += f", {machine['device_name']}"
    software = {name: v for name, v in facts["versions"].items() if name != "dashdoc"}
    return [
        ("system", f"{machine['system']}, {counted(machine['cpus'], 'core')}"),
        ("device", device),
        ("memory free", size(facts["memory"]["free_bytes"])),
        ("backend", machine["backend"]),
        ("dashdoc", facts["versions"]["dashdoc"]),
        ("software", ", ".join(f"{name} {version}" for name, version in software.items())),
    ]


def _model(facts: Mapping[str, Any]) -> list[tuple[str, str | Text]]:
    model = facts["model"]
    routing = model["routing"]
    prior = ["diagonal estimated"] if routing["estimate_diagonal"] else []
    if routing["rotate_head_query"]:
        prior.append("class query rotated")
    said = [
        f"chunks of {routing['chunk_size']} tokens",
        f"scale {routing['scaling_factor']:.4g}",
        f"sigma {routing['sigma']:g}".replace("e+0", "e"),
        counted(routing["local_chunks"], "local chunk"),
        *prior,
    ]
    rows: list[tuple[str, str | Text]] = [("name", model["name"])]
    rows += [("why", notice) for notice in model["notices"]]
    quantized = f", {model['quantization']} in the layers" if model["quantization"] else ""
    return [
        *rows,
        ("folder", model["folder"]),
        ("weights", f"{size(model['weight_bytes'])} as {model['dtype']}{quantized}"),
        ("routing", ", ".join(said)),
        ("trained for", counted(model["trained_tokens"], "token")),
        ("room for", f"{counted(facts['memory']['largest_context'], 'token')} of documents"),
    ]


def _documents(facts: Mapping[str, Any]) -> list[tuple[str, str | Text]]:
    needed, memory = facts["estimate"], facts["memory"]
    rows: list[tuple[str, str | Text]] = []
    if pages := sum(document["pages"] for document in facts["documents"] if document["paged"]):
        total = sum(document["total_pages"] for document in facts["documents"])
        rows.append(("pages", f"{pages:,}" if pages == total else f"{pages:,} of {total:,}"))
    over = ", more than the model was trained for" if needed["beyond_training"] else ""
    parts = (
        f"weights {size(facts['model']['weight_bytes'])}, cache {size(needed['cache_bytes'])}, "
        f"workspace {size(needed['workspace_bytes'])}"
    )
    verdict = Text("yes", GOOD)
    if problem := needed["problem"]:
        surplus = counted(needed["tokens"] - needed["limit"], "token")
        answer = f"no, {surplus} too many" if needed["limit"] else "no"
        verdict = Text.assemble((answer, BAD), f"\n{problem}")
    return [
        *rows,
        ("tokens", f"{needed['tokens']:,}{over}"),
        ("memory needed", f"{size(needed['needed_bytes'])} of {size(memory['free_bytes'])} free"),
        ("", Text(parts, "dim")),
        ("fits", verdict),
    ]
