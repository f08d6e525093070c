"""From a specification to the steps that build it, and what PostgreSQL cannot be asked to build."""

from schemas.design import EnvironmentSpec
from schemas.provisioning import Step, StepKind

ENGINES = ("postgresql",)
PRIVILEGES = frozenset({"usage", "create", "select", "insert", "update", "delete"})
# PostgreSQL cuts longer names without a word (NAMEDATALEN - 1).
MAX_NAME_BYTES = 63
RESERVED = {
    "database": ("postgres", "template0", "template1"),
    "schemas": ("information_schema",),
    "roles": ("provisioner", "public", "none"),
}
"""What a new server has already, or does not take as a name."""


def steps(spec: EnvironmentSpec) -> tuple[Step, ...]:
    """In the order they are carried out; undone in the opposite order."""
    schemas = ", ".join(spec.schemas)
    return (
        Step(id="server", title="Start a PostgreSQL server", kind=StepKind.SERVER, name=spec.component),
        Step(
            id="database",
            title=f"Create the database {spec.database}",
            kind=StepKind.DATABASE,
            name=spec.database,
        ),
        *(
            Step(id=f"schema-{n}", title=f"Create the schema {name}", kind=StepKind.SCHEMA, name=name)
            for n, name in enumerate(spec.schemas, 1)
        ),
        *(
            Step(
                id=f"role-{n}",
                title=f"Create the role {role.name} on {schemas}"[:200],
                kind=StepKind.ROLE,
                name=role.name,
                privileges=role.privileges,
                login=role.login,
            )
            for n, role in enumerate(spec.roles, 1)
        ),
        Step(
            id="health",
            title="Check that it answers, stores and reads back",
            kind=StepKind.HEALTH_CHECK,
            name=spec.component,
        ),
    )


def objection(spec: EnvironmentSpec) -> tuple[str, str, str] | None:
    """(field, rule, reason) of the first thing that cannot be built as written; None where all can."""
    if spec.engine not in ENGINES:
        return "environment.engine", "engine-is-known", f"{spec.engine} cannot be built; known: {ENGINES[0]}"
    named = [("environment.database", spec.database)]
    named += [(f"environment.schemas.{n}", name) for n, name in enumerate(spec.schemas)]
    named += [(f"environment.roles.{n}.name", role.name) for n, role in enumerate(spec.roles)]
    for field, name in named:
        if len(name.encode()) > MAX_NAME_BYTES or name.lower().startswith("pg_"):
            return field, "name-fits-postgresql", f"{name} is longer than 63 bytes or begins with pg_"
        if name in RESERVED[field.split(".")[1]]:
            return field, "name-is-free", f"{name} is taken in every PostgreSQL server; choose another name"
    for field, names in (
        ("environment.schemas", spec.schemas),
        ("environment.roles", tuple(role.name for role in spec.roles)),
    ):
        if len(set(names)) < len(names):
            return field, "names-are-unique", f"a name is there twice in {', '.join(names)}"
    for n, role in enumerate(spec.roles):
        if unknown := sorted(set(role.privileges) - PRIVILEGES):
            known = ", ".join(sorted(PRIVILEGES))
            reason = f"{', '.join(unknown)} is no privilege; there are {known}"
            return f"environment.roles.{n}.privileges", "privilege-is-known", reason
    return None
