"""Components, their connections and the target environment, from the products chosen."""

import re
import unicodedata
from collections.abc import Sequence

from design.engine.options import Option
from schemas.design import Component, Connection, DatabaseRole, EnvironmentSpec, Layer

_DATABASE_SLOT = "database"
_RESERVED = ("postgres", "template0", "template1")
_NAME_LENGTH = 48
"""PostgreSQL cuts names at 63 bytes; the rest is left to suffixes of tools."""
_READ = ("usage", "select")
_WRITE = (*_READ, "insert", "update", "delete")


def components(options: Sequence[Option]) -> tuple[Component, ...]:
    """One per filled slot, named for the slot."""
    return tuple(
        Component(id=o.slot, name=o.product.name, layer=o.product.layer, product=o.id) for o in options
    )


def database_of(options: Sequence[Option]) -> Option:
    """The slot `database`, else the first of the data layer, else the first of all."""
    data = [o for o in options if o.product.layer is Layer.DATA]
    named = [o for o in data if o.slot == _DATABASE_SLOT]
    return (named or data or list(options))[0]


def connections(options: Sequence[Option]) -> tuple[Connection, ...]:
    """Users through the network to applications, applications to data, and whatever products require."""
    layers = {layer: [o for o in options if o.product.layer is layer] for layer in Layer}
    by_slot = {o.slot: o for o in options}
    found: dict[tuple[str, str], Connection] = {}
    for network in layers[Layer.NETWORK]:
        for application in layers[Layer.APPLICATION]:
            _connect(found, network, application, "requests of users")
    for application in layers[Layer.APPLICATION] if layers[Layer.DATA] else ():
        _connect(found, application, database_of(options), "business data")
    for option in options:
        for slot in option.product.requires_slots:
            _connect(found, option, by_slot[slot], f"what {option.slot} requires of {slot}")
    linked = {slot for pair in found for slot in pair}
    for store in layers[Layer.DATA]:
        if store.slot not in linked:
            _connect(found, database_of(options), store, "stored data and copies")
    return tuple(found[key] for key in sorted(found))


def _connect(found: dict[tuple[str, str], Connection], source: Option, target: Option, carries: str) -> None:
    pair = (source.slot, target.slot)
    if source.slot == target.slot or pair in found or pair[::-1] in found:
        return
    protocol = "https" if target.product.layer is Layer.APPLICATION else "tls"
    found[pair] = Connection(
        source=source.slot, target=target.slot, protocol=protocol, encrypted=True, carries=carries
    )


def environment(client_name: str, options: Sequence[Option]) -> EnvironmentSpec:
    return EnvironmentSpec(
        component=database_of(options).slot,
        database=database_name(client_name),
        schemas=("core", "staging"),
        roles=(
            DatabaseRole(name="app_rw", login=True, privileges=_WRITE),
            DatabaseRole(name="report_ro", login=True, privileges=_READ),
        ),
    )


def database_name(client_name: str) -> str:
    """Lower-case letters, digits and underscores, starting with a letter; `client` where nothing is left."""
    plain = unicodedata.normalize("NFKD", client_name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_NAME_LENGTH].strip("_") or "client"
    named = slug if slug[0].isalpha() else f"client_{slug}"
    return f"{named}_db" if named in _RESERVED else named
