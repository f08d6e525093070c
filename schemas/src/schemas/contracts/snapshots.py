"""The JSON Schema of a message as committed: one file per type and version, the contract a reviewer reads."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas import registry
from schemas.base import Payload

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = Path(__file__).parents[3]
"""The folder of the schemas project: `snapshots/` and `examples/` are in it."""


class _Wire(GenerateJsonSchema):
    """Money is text on the wire, whatever else a reader is lenient about."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        places = schema.get("decimal_places") or 0
        whole = (schema.get("max_digits") or 28) - places
        sign = "" if schema.get("ge", -1) >= 0 else "-?"
        fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
        return {"type": "string", "format": "decimal", "pattern": rf"^{sign}[0-9]{{1,{whole}}}{fraction}$"}


def schema_of(cls: type[Payload]) -> Schema:
    """JSON Schema 2020-12 of the data, with the message's own facts under `x-`."""
    schema = cls.model_json_schema(schema_generator=_Wire)
    head: Schema = {
        "$schema": DIALECT,
        "$id": f"{cls.wire_type()}.json",
        "x-kind": cls.kind,
        "x-topic": cls.topic(),
    }
    if cls.kind == "command":
        head["x-internal"] = getattr(cls, "internal", False)
    return {**head, **schema}


def current() -> dict[str, Schema]:
    """Wire type to schema, of every message as the code has it now."""
    classes = registry.payloads().values()
    return {cls.wire_type(): schema_of(cls) for cls in sorted(classes, key=lambda cls: cls.wire_type())}


def path_of(root: Path, wire_type: str) -> Path:
    return root / "snapshots" / f"{wire_type}.json"


def committed(root: Path) -> dict[str, Schema]:
    """Wire type to schema, as the files say."""
    files = sorted((root / "snapshots").glob("*.v*.json"))
    return {path.name.removesuffix(".json"): json.loads(path.read_text("utf-8")) for path in files}


def render(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def digest(schema: Schema) -> str:
    return sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()[:16]
