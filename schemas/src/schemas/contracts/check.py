"""Compares the models with what is committed, says what changed for whom, and what to do about it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas import registry
from schemas.contracts import examples, ledger
from schemas.contracts.compatibility import Change, compare, retired
from schemas.contracts.snapshots import Schema, committed, current, path_of, render

BASES = ("origin/main", "main")
_LOST = Change("message", "removed", True, "streams still hold it, and nobody could read them")
NEW_VERSION = "give the class the next `version`, read the older one in `upcast`, and keep the old files"


@dataclass
class Report:
    """Sentences for a person; `problems` make the check fail, `notes` do not."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


def check(root: Path, base: str | None = None) -> Report:
    """Working models against the committed files, and against the files of `base` where git knows it."""
    report = Report()
    models, files = current(), committed(root)
    for wire_type, schema in models.items():
        report.problems += _compare_with_file(wire_type, schema, files.get(wire_type))
    report.problems += _orphans(models, files)
    report.problems += _examples(root, models.keys() | files.keys())
    _compare_with_base(report, root, models, base)
    if report.ok:
        report.notes.append(
            f"{len(models)} messages, {len(files)} snapshots: models, files and examples agree"
        )
    return report


def _compare_with_file(wire_type: str, schema: Schema, file: Schema | None) -> Iterator[str]:
    if file is None:
        yield f"{wire_type}: has no snapshot. New? Run `make contracts-update`."
        return
    changes = compare(file, schema)
    yield from (f"{wire_type}: {change}" for change in changes)
    if any(change.breaking for change in changes):
        yield f"{wire_type}: breaks its version: {NEW_VERSION}."
    elif _written(file, schema) != file:
        yield f"{wire_type}: differs from its snapshot, harmlessly. Run `make contracts-update`."


def _orphans(models: Mapping[str, Schema], files: Mapping[str, Schema]) -> Iterator[str]:
    """Snapshots stay as long as a newer version of the message can be asked to read the old one."""
    newest = {cls.type: cls.version for cls in registry.payloads().values()}
    for wire_type in files.keys() - models.keys():
        name, _, version = wire_type.rpartition(".v")
        if name not in newest:
            yield f"{wire_type}: {_LOST}"
        elif int(version) > newest[name]:
            yield f"{wire_type}: BREAKING  message: version went back to {newest[name]}."
    for name, last in newest.items():
        missing = [f"{name}.v{older}" for older in range(1, last) if f"{name}.v{older}" not in files]
        yield from (f"{wire_type}: its snapshot is gone; old versions stay." for wire_type in missing)


def _examples(root: Path, wire_types: set[str]) -> Iterator[str]:
    found = examples.read(root)
    for wire_type in sorted(wire_types):
        for variant in examples.VARIANTS:
            example = found.pop((wire_type, variant), None)
            if example is None:
                yield f"{wire_type}: has no {variant} example. Run `make contracts-update`."
                continue
            faults = examples.faults(wire_type, variant, example)
            yield from (f"{wire_type}: {variant} example: {fault}" for fault in faults)
    yield from (f"{wire_type}: {variant} example belongs to no message" for wire_type, variant in found)


def _compare_with_base(report: Report, root: Path, models: Mapping[str, Schema], base: str | None) -> None:
    base = base or next((name for name in BASES if _git(root, "rev-parse", "--verify", "-q", name)), None)
    if base is None:
        report.notes.append("no base branch: compared with the working files alone")
        return
    released = _committed_at(root, base)
    breaks = ledger.read(root)
    for wire_type, old in released.items():
        new = models.get(wire_type)
        if ledger.allows(breaks, wire_type, new):
            continue
        lost = _lost(wire_type, models) if new is None else []
        breaking = lost if new is None else [change for change in compare(old, new) if change.breaking]
        report.problems += [f"{wire_type}: since {base}: {change}" for change in breaking]
    report.notes.append(f"{len(released)} messages compared with {base}")


def _lost(wire_type: str, models: Mapping[str, Schema]) -> list[Change]:
    name = wire_type.rpartition(".v")[0]
    if any(model.rpartition(".v")[0] == name for model in models):
        return []
    return [_LOST]


def _committed_at(root: Path, ref: str) -> dict[str, Schema]:
    """The snapshots of a git reference, read by one git process: there are hundreds of them."""
    folder = _git(root, "rev-parse", "--show-prefix").strip() + "snapshots"
    listed = _git(root, "ls-tree", "--name-only", "--full-tree", f"{ref}:{folder}").split()
    names = [name for name in listed if ".v" in name]
    objects = _git(root, "cat-file", "--batch=", given="".join(f"{ref}:{folder}/{name}\n" for name in names))
    decoder, at, found = json.JSONDecoder(), 0, {}
    for name in names:
        at = objects.index("{", at)
        found[name.removesuffix(".json")], at = decoder.raw_decode(objects, at)
    return found


def _git(root: Path, *arguments: str, given: str = "") -> str:
    """What git prints; empty where it fails or there is none."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=root,
            input=given,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _written(old: Schema | None, new: Schema) -> Schema:
    """The new snapshot, remembering the names that this version once had."""
    names = retired(old, new) if old else []
    return {**new, "x-retired": names} if names else new


class Broken(Exception):
    """An update would break a version; nothing was written."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def update(root: Path, unreleased: str = "") -> list[str]:
    """Write snapshots and missing examples; gives the files written. Raises Broken for a breaking change.

    `unreleased` is the reason why nobody can have met the broken version; it is kept in the ledger.
    """
    models, files = current(), committed(root)
    problems = _breaks(models, files)
    if problems and not unreleased:
        raise Broken([f"{wire_type}: {text}" for wire_type, texts in problems.items() for text in texts])
    for wire_type in problems:
        ledger.record(root, wire_type, models.get(wire_type), unreleased)
        _forget(root, wire_type, keep_snapshot=wire_type in models)
    written = [
        _write(path_of(root, name), _written(files.get(name), schema)) for name, schema in models.items()
    ]
    return [name for name in [*written, *_update_examples(root)] if name]


def _breaks(models: Mapping[str, Schema], files: Mapping[str, Schema]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for wire_type, file in files.items():
        changes = compare(file, models[wire_type]) if wire_type in models else _lost(wire_type, models)
        if texts := [str(change) for change in changes if change.breaking]:
            found[wire_type] = texts
    return found


def _forget(root: Path, wire_type: str, *, keep_snapshot: bool) -> None:
    """Examples that today's class cannot read any more were of a version that nobody has met."""
    found = examples.read(root)
    for variant in examples.VARIANTS:
        example = found.get((wire_type, variant))
        if example is not None and examples.faults(wire_type, variant, example):
            examples.path_of(root, wire_type, variant).unlink()
    if not keep_snapshot:
        path_of(root, wire_type).unlink()


def _update_examples(root: Path) -> Iterator[str]:
    found = examples.read(root)
    for cls in registry.payloads().values():
        for variant in examples.VARIANTS:
            example = found.get((cls.wire_type(), variant))
            if example is None:
                example = examples.make(cls, variant)
            elif variant == "complete":
                example = examples.completed(cls, example)
            yield _write(examples.path_of(root, cls.wire_type(), variant), example)


def _write(path: Path, document: Mapping[str, object]) -> str:
    """The file's name, or nothing where it was right already."""
    text = render(document)
    if path.exists() and path.read_text("utf-8") == text:
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path.name
