"""The engagement file: every fault is said at once, with its line, in words."""

import json
from pathlib import Path

import jsonschema
import pytest

from runtime.engagement_file import load, opening_commands
from runtime.errors import CommandFailed, Exit
from runtime.yaml_lines import read
from schemas.engagement_file import json_schema

GOOD = """\
engagement:
  title: New order system
  client: {name: Acme, industry: valves}
  currency: EUR
  budget: "1000.00"
  start_on: 2026-12-01
  target_on: 2027-06-30
stakeholders:
  - {id: anna, name: Anna, role: sponsor, department: Board}
sessions:
  - id: S1
    kind: meeting
    title: First
    held_at: 2026-10-06T09:00:00+02:00
    attendees: [anna]
requirements:
  - id: R-1
    title: Fast orders
    description: Orders within minutes
    importance: 5
    urgency: 4
    effort_days: 10
people:
  - {id: bo, name: Bo, roles: [developer], available_days: 20}
source: {kind: sqlite, location: legacy.sqlite, reject_limit: 7}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "acme.yaml") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


def complaints(file: Path) -> list[str]:
    with pytest.raises(CommandFailed) as caught:
        load(file)
    assert caught.value.exit_code == Exit.BAD_DATA
    return list(caught.value.lines)


def test_good_file_becomes_commands_in_their_order(write):
    commands = opening_commands(load(write(GOOD)))

    assert [command.type for command in commands] == [
        "intake.open_engagement",
        "provisioning.offer_people",
        "migration.register_source",
    ]
    assert commands[0].brief.requirements[0].id == "R-1"
    assert (commands[2].reject_limit, commands[2].chunk_rows) == (7, 20_000)


def test_value_out_of_range_names_its_line_and_path(write):
    file = write(GOOD.replace("importance: 5", "importance: 9"))

    assert complaints(file) == ["acme.yaml:20: requirements[0].importance: must be <= 5, got 9"]


def test_all_faults_are_said_at_once_in_order_of_lines(write):
    text = GOOD.replace("role: sponsor", "role: boss").replace("    urgency: 4\n", "").replace("EUR", "euro")

    assert complaints(write(text)) == [
        'acme.yaml:4: engagement.currency: "euro" does not look like ^[A-Z]{3}$',
        "acme.yaml:9: stakeholders[0].role: must be one of "
        'sponsor, management, department_head, key_user, it; got "boss"',
        "acme.yaml:17: requirements[0].urgency: is missing",
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "stakeholders:",
            "stakeholder:",
            "acme.yaml:8: stakeholder: is not a known key; did you mean stakeholders?",
        ),
        ("industry: valves", "industri: valves", "is not a known key; did you mean industry?"),
        (
            "location: legacy.sqlite",
            "location: legacy.sqlite, limit: 3",
            "acme.yaml:25: source.limit: is not a known key",
        ),
    ],
)
def test_unknown_key_is_refused_at_every_level(write, old, new, complaint):
    assert any(complaint in found for found in complaints(write(GOOD.replace(old, new))))


def test_duplicate_key_names_both_lines(write):
    file = write(GOOD.replace("  currency: EUR\n", "  currency: EUR\n  currency: USD\n"))

    assert complaints(file) == ["acme.yaml:5: engagement.currency: this key is already on line 4"]


def test_broken_references_are_found_with_their_lines(write):
    text = GOOD.replace("attendees: [anna]", "attendees: [anna, bob]") + (
        "statements:\n"
        "  - {id: q1, session: S9, speaker: anna, text: Too slow}\n"
        "pain_points:\n"
        "  - {id: p1, title: Slow, evidence: [q7]}\n"
    )

    assert complaints(write(text)) == [
        "acme.yaml:15: sessions[0].attendees[1]: no stakeholder has the id 'bob'",
        "acme.yaml:27: statements[0].session: no session has the id 'S9'",
        "acme.yaml:29: pain_points[0].evidence[0]: no statement or answer has the id 'q7'",
    ]


def test_id_used_twice_is_refused(write):
    line = "  - {id: anna, name: Anna, role: sponsor, department: Board}\n"

    assert complaints(write(GOOD.replace(line, line + line))) == [
        "acme.yaml:10: stakeholders[1].id: 'anna' is already the id of stakeholders[0]"
    ]


def test_speaker_must_have_attended(write):
    text = GOOD.replace("sessions:", "  - {id: ben, name: Ben, role: it, department: IT}\nsessions:") + (
        "statements:\n  - {id: q1, session: S1, speaker: ben, text: Too slow}\n"
    )

    assert complaints(write(text)) == ["acme.yaml:28: statements[0].speaker: 'ben' did not attend 'S1'"]


def test_catalogue_in_a_file_of_its_own_is_checked_with_its_own_lines(write):
    write(
        "id: c\nversion: 1\nproducts:\n  - {id: a, name: A, vendor: V, slot: erp, layer: application, "
        'price: "-1.00", yearly_cost: "1.00", ratings: {}}\n',
        "catalogue.yaml",
    )

    found = complaints(write(GOOD + "catalogue: catalogue.yaml\n"))

    assert found == ['catalogue.yaml:4: products[0].price: must be >= 0, got "-1.00"']


def test_incompatibility_with_an_unknown_product_is_found(write):
    write(
        "id: c\nversion: 1\nproducts:\n  - {id: a, name: A, vendor: V, slot: erp, layer: application, "
        'price: "1.00", yearly_cost: "1.00", ratings: {}}\n'
        "incompatibilities:\n  - {one: a, other: b, reason: no}\n",
        "catalogue.yaml",
    )

    found = complaints(write(GOOD + "catalogue: catalogue.yaml\n"))

    assert found == ["catalogue.yaml:6: incompatibilities[0].other: no product has the id 'b'"]


def test_absent_catalogue_file_is_named(write):
    found = complaints(write(GOOD + "catalogue: nowhere.yaml\n"))

    assert found == ["acme.yaml:26: catalogue: no file 'nowhere.yaml' beside this one"]


def test_absent_file_is_named(tmp_path):
    assert complaints(tmp_path / "nothing.yaml") == [f"{tmp_path / 'nothing.yaml'}: no such file"]


def test_bad_yaml_says_where(write):
    found = complaints(write("engagement:\n  title: [1\n  client: 2\n"))

    assert len(found) == 1
    assert found[0].startswith("acme.yaml:3: not YAML: ")


def test_file_that_is_no_mapping_is_refused(write):
    assert complaints(write("- 1\n")) == ["acme.yaml:1: must be a mapping with `engagement:` in it"]


def test_end_before_start_is_refused(write):
    found = complaints(write(GOOD.replace("2027-06-30", "2026-06-30")))

    assert found == ["acme.yaml:7: engagement.target_on: must be after start_on, 2026-12-01"]


def test_published_schema_accepts_the_good_file_and_refuses_unknown_keys(write):
    schema = json_schema()
    content = read(write(GOOD)).data

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(content)), schema)
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate({**content, "surprise": 1}, schema)
