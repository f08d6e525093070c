"""The printed schema: `python -m gateway.sdl` writes it to stdout, `--check FILE` compares."""

import sys
from pathlib import Path

from gateway.schema import Schema, build_schema


def printed(schema: Schema | None = None) -> str:
    """The schema as committed at services/gateway/schema.graphql."""
    return (schema or build_schema()).as_str().rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """0 when printed or equal, 1 when the file says something else."""
    if not arguments:
        sys.stdout.write(printed())
        return 0
    known = Path(arguments[-1]).read_text()
    if known == printed():
        return 0
    sys.stderr.write(
        f"{arguments[-1]} is not the schema any more; write it anew with python -m gateway.sdl\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
