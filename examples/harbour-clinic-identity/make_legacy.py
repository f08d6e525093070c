"""Makes the staff directory of the harbour clinic: three SQLite tables nobody has tidied for years.

    python make_legacy.py --out legacy.sqlite [--rows 5000] [--seed 7]

Equal arguments give an equal file. What is wrong in it is counted in `<out>.manifest.json`: `duplicate_key`
counts the rows after the first of each key; a row carries one defect at most, and no sound row refers to one.
"""

import argparse
import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

SCHEMA = Path(__file__).with_name("legacy.sql")
DEPARTMENTS = 40
MEMBERSHIP_SHARE = 0.3
FAMILY = (
    "Favre",
    "Lefèvre",
    "Müller",
    "Bühlmann",
    "陈",
    "王",
    "欧阳",
    "Rochat",
    "Aebischer",
    "Çelik",
    "d'Aubigné",
)
GIVEN = ("Noémie", "Loïc", "Thérèse", "Jürg", "Zoë", "美玲", "志强", "Urs", "Hélène", "Gaëlle", "Beat")
WARDS = ("Notfall", "Chirurgie", "Pédiatrie", "Radiologie", "Apotheke", "Réanimation", "Labor", "Verwaltung")
ROLES = ("nurse", "physician", "pharmacist", "billing", "radiology-viewer", "admin")
DAYS = 6_000

# (table, column, kind, rows of 5,000, what stands there instead); bytes are stored as TEXT as they are.
DEFECTS: tuple[tuple[str, str, str, int, tuple[object, ...]], ...] = (
    (
        "accounts",
        "full_name",
        "bad_encoding",
        24,
        ("Noémie Lefèvre".encode("latin-1"), "陈美玲".encode("gbk")),
    ),
    ("accounts", "hired_on", "bad_date", 18, ("0000-00-00", "31.02.2019")),
    ("accounts", "enabled", "bad_boolean", 15, ("oui", "peut-être", 3)),
    ("accounts", "login", "nul_character", 9, ("favre\x00", "\x00")),
    ("accounts", "department", "orphaned_key", 21, ("ZZ-01", "ZZ-02")),
    ("memberships", "uid", "orphaned_key", 30, ()),
    ("memberships", "granted_at", "bad_date", 12, ("0000-00-00 00:00:00",)),
)
DUPLICATES = 26  # of 5,000 rows: staff who came back were entered once more under their old number


def scaled(of_5000: int, rows: int) -> int:
    return max(1, of_5000 * rows // 5_000)


def day(rng: random.Random) -> date:
    return date(2010, 1, 4) + timedelta(days=rng.randrange(DAYS))


def departments(rng: random.Random) -> Iterator[tuple[object, ...]]:
    for n in range(1, DEPARTMENTS + 1):
        label = f"{WARDS[n % len(WARDS)]} {n}"
        yield f"D-{n:02d}", label, n % 3 != 0, str(day(rng)), round(rng.random() * 90_000, 2)


def accounts(
    rng: random.Random, count: int, first_unreferred: int, repeated: int
) -> Iterator[tuple[object, ...]]:
    for n in range(1, count + 1):
        uid = n if n <= count - repeated else first_unreferred + n - (count - repeated) - 1
        name = f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"
        seen = (
            None if n % 12 == 0 else str(datetime(2026, 1, 1) + timedelta(seconds=rng.randrange(25_000_000)))
        )
        badge = None if n % 4 == 0 else rng.randbytes(16)
        department = None if n % 25 == 0 else f"D-{1 + n % DEPARTMENTS:02d}"
        seconds = round(rng.gauss(46, 9), 3)
        yield (
            uid,
            f"u{n:05d}",
            name,
            department,
            str(day(rng)),
            seen,
            rng.choice((0, 1, 1, None)),
            badge,
            seconds,
        )


def memberships(rng: random.Random, count: int, known: int) -> Iterator[tuple[object, ...]]:
    for n in range(count):
        granted = str(datetime(2020, 1, 1) + timedelta(seconds=rng.randrange(190_000_000)))
        yield n % known + 1, ROLES[n // known], granted, None if n % 3 else str(day(rng))


def plant(database: sqlite3.Connection, rows: int, free: dict[str, int]) -> list[dict[str, object]]:
    """Spoil rows nothing refers to, each of them once; returns what was planted."""
    planted: list[dict[str, object]] = []
    for table, column, kind, of_5000, bad in DEFECTS:
        count, start = scaled(of_5000, rows), free[table]
        free[table] += count
        values = [(bad[n % len(bad)] if bad else 900_000 + n, start + n) for n in range(count)]
        for value, row in values:
            mark = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
            database.execute(f"UPDATE {table} SET {column} = {mark} WHERE rowid = ?", (value, row))  # noqa: S608
        planted.append({"table": table, "column": column, "kind": kind, "rows": count})
    return planted


def make(out: Path, rows: int = 5_000, seed: int = 7) -> dict[str, object]:
    """Write the database and its manifest; returns the manifest. Raises ValueError below 1,000 rows."""
    if rows < 1_000:
        raise ValueError("fewer than 1,000 rows leave no room for the defects")
    out.unlink(missing_ok=True)
    rng, granted = random.Random(seed), int(rows * MEMBERSHIP_SHARE)
    counts = {"departments": DEPARTMENTS, "accounts": rows - DEPARTMENTS - granted, "memberships": granted}
    known, repeated = counts["accounts"] * 9 // 10, scaled(DUPLICATES, rows)
    database = sqlite3.connect(out)
    database.executescript(SCHEMA.read_text(encoding="utf-8"))
    with database:
        database.executemany("INSERT INTO departments VALUES (?,?,?,?,?)", departments(rng))
        staff = accounts(rng, counts["accounts"], known + 1, repeated)
        database.executemany("INSERT INTO accounts VALUES (?,?,?,?,?,?,?,?,?)", staff)
        database.executemany("INSERT INTO memberships VALUES (?,?,?,?)", memberships(rng, granted, known))
        # The first bearers of repeated numbers stay sound.
        free = {"accounts": known + 1 + repeated, "memberships": granted * 9 // 10}
        defects = plant(database, rows, free)
    database.close()
    defects.append({"table": "accounts", "column": "uid", "kind": "duplicate_key", "rows": repeated})
    total = sum(int(str(defect["rows"])) for defect in defects)
    manifest: dict[str, object] = {"rows": rows, "seed": seed, "tables": counts}
    manifest |= {"defective_rows": total, "defects": defects}
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    out.with_name(out.name + ".manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    manifest = make(options.out, options.rows, options.seed)
    print(
        f"{options.out}: {manifest['rows']} rows in 3 tables, {manifest['defective_rows']} of them defective"
    )


if __name__ == "__main__":
    main()
