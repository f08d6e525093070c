"""An engagement file becomes the commands that open the engagement, or every reason why it cannot."""

from collections.abc import Iterator
from pathlib import Path

from runtime.checking import check
from runtime.errors import CommandFailed, Exit
from runtime.yaml_lines import Complaint, Document, read
from schemas.base import Command
from schemas.design import Catalogue, OfferCatalogue
from schemas.engagement_file import EngagementFile, broken_references
from schemas.intake import OpenEngagement
from schemas.migration import RegisterSource, Source
from schemas.monitoring import DefineProbe, DefineRule, DefineSlo
from schemas.provisioning import OfferPeople


def load(file: Path) -> EngagementFile:
    """Read and check everything. Raises CommandFailed (65) with all complaints, in order of lines."""
    document = read(file)
    if not isinstance(document.data, dict):
        raise CommandFailed(Exit.BAD_DATA, f"{file.name}:1: must be a mapping with `engagement:` in it")
    complaints: list[Complaint] = list(document.duplicates)
    catalogue, catalogue_document = _catalogue(document, complaints)
    content = {name: part for name, part in document.data.items() if name != "catalogue"}
    checked = check(EngagementFile, content, document, (), complaints)
    if checked is not None:
        checked = checked.model_copy(update={"catalogue": catalogue})
        complaints += _references(checked, document, catalogue_document)
    if complaints:
        raise CommandFailed(Exit.BAD_DATA, *(message for _, message in sorted(complaints)))
    assert checked is not None
    return checked


def _catalogue(document: Document, complaints: list[Complaint]) -> tuple[Catalogue | None, Document]:
    entry = document.data.get("catalogue")
    if entry is None:
        return None, document
    if not isinstance(entry, str):
        return check(Catalogue, entry, document, ("catalogue",), complaints), document
    beside = document.file.parent / entry
    if not beside.is_file():
        complaints.append(document.complaint(("catalogue",), f"no file {entry!r} beside this one"))
        return None, document
    other = read(beside)
    complaints += other.duplicates
    return check(Catalogue, other.data, other, (), complaints), other


def _references(file: EngagementFile, document: Document, catalogue: Document) -> Iterator[Complaint]:
    for where, message in broken_references(file):
        if where[0] == "catalogue" and catalogue is not document:
            yield catalogue.complaint(where[1:], message)
        else:
            yield document.complaint(where, message)


def opening_commands(file: EngagementFile) -> list[Command]:
    """The commands that open the engagement, in the order they are to be sent."""
    head = {name: getattr(file.engagement, name) for name in type(file.engagement).model_fields}
    commands: list[Command] = [OpenEngagement(**head, brief=file.brief())]
    if isinstance(file.catalogue, Catalogue):
        commands.append(OfferCatalogue(catalogue=file.catalogue))
    if file.people:
        commands.append(OfferPeople(people=file.people))
    if file.source is not None:
        source = Source(kind=file.source.kind, location=file.source.location)
        limits = {"reject_limit": file.source.reject_limit, "chunk_rows": file.source.chunk_rows}
        commands.append(RegisterSource(source=source, **limits))
    commands += [DefineProbe(probe=probe) for probe in file.probes]
    commands += [DefineRule(rule=rule) for rule in file.rules]
    commands += [DefineSlo(slo=slo) for slo in file.slos]
    return commands
