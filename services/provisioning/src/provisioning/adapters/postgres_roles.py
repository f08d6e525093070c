"""Roles and what they may do, brought to the wanted state in one transaction."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from schemas.provisioning import Step

SCHEMA_PRIVILEGES = ("usage", "create")
TABLE_PRIVILEGES = ("select", "insert", "update", "delete")

_SNAPSHOT = """
select (select rolcanlogin::text from pg_roles where rolname = %(role)s),
       (select array_agg(nspname || nspacl::text order by nspname)
          from pg_namespace where nspname = any(%(in)s)),
       (select array_agg(nspname || defaclacl::text order by nspname)
          from pg_default_acl join pg_namespace n on n.oid = defaclnamespace where nspname = any(%(in)s)),
       (select array_agg(relname || relacl::text order by relname)
          from pg_class join pg_namespace n on n.oid = relnamespace where nspname = any(%(in)s))
"""


def ensure_role(connection: psycopg.Connection, step: Step, schemas: Sequence[str], password: str) -> bool:
    """True where anything had to be changed."""
    wanted = {"role": step.name, "in": list(schemas)}
    with connection.transaction():
        before = connection.execute(_SNAPSHOT, wanted).fetchone()
        _create(connection, step, password, exists=before is not None and before[0] is not None)
        for statement in _grants(step, schemas):
            connection.execute(statement)
        return connection.execute(_SNAPSHOT, wanted).fetchone() != before


def _create(connection: psycopg.Connection, step: Step, password: str, *, exists: bool) -> None:
    name = sql.Identifier(step.name)
    if not exists:
        connection.execute(sql.SQL("create role {}").format(name))
    if not step.login:
        connection.execute(sql.SQL("alter role {} nologin").format(name))
        return
    # Hashed on our side: a statement that fails is written to the server's log as it is.
    verifier = connection.pgconn.encrypt_password(password.encode(), step.name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("alter role {} login password {}").format(name, sql.Literal(verifier.decode()))
    )


def _grants(step: Step, schemas: Sequence[str]) -> list[sql.Composed]:
    role = sql.Identifier(step.name)
    on_schema = [p for p in step.privileges if p in SCHEMA_PRIVILEGES]
    on_tables = [p for p in step.privileges if p in TABLE_PRIVILEGES]
    statements: list[sql.Composed] = []
    for schema in map(sql.Identifier, schemas):
        if on_schema:
            statements.append(sql.SQL("grant {} on schema {} to {}").format(_listed(on_schema), schema, role))
        if on_tables:
            listed = _listed(on_tables)
            statements += [
                sql.SQL("grant {} on all tables in schema {} to {}").format(listed, schema, role),
                sql.SQL("alter default privileges in schema {} grant {} on tables to {}").format(
                    schema, listed, role
                ),
            ]
    return statements


def _listed(privileges: Sequence[str]) -> sql.Composed:
    # Only names out of the two tuples above get here.
    return sql.SQL(", ").join(sql.SQL(privilege) for privilege in privileges)


def drop_role(connection: psycopg.Connection, name: str) -> bool:
    found = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
    if found is None:
        return False
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute(sql.SQL("drop owned by {}").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))
    return True
