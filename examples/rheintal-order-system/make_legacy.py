"""Makes the legacy database of Rheintal Ventile: ten SQLite tables that bear the marks of twenty years.

    python make_legacy.py --out legacy.sqlite [--rows 200000] [--seed 19]

Equal arguments give an equal file. What is wrong in it, and how often, is written to
`<out>.manifest.json`: `duplicate_key` counts the rows after the first of each key; a row carries one defect
at most, and no sound row refers to a defective one, so rejecting just those leaves everything else whole.
"""

import argparse
import json
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

SCHEMA = Path(__file__).with_name("legacy.sql")
# Shares of the rows beside the three sites; the last table takes what rounding leaves.
SHARES = {
    "employees": 237, "customers": 9_760, "contacts": 15_000, "items": 6_000, "price_agreements": 14_000,
    "orders": 42_000, "order_lines": 86_000, "bench_tests": 22_000, "attachments": 5_000,
}  # fmt: skip
DUPLICATES = 60  # of 200,000 rows: customers have no enforced key
REPRINTS = 40  # bench tests recorded twice over, equal in every column: no defect in a table without a key

GIVEN = (
    "Jürgen", "Käthe", "Björn", "Sibylle", "Łukasz", "Małgorzata", "Żaneta", "Grażyna", "François", "Zoë",
    "Anna", "Uwe", "Thérèse", "Nikolaus", "Agnieszka", "Günther", "伟", "丽华", "建国", "小红",
)  # fmt: skip
FAMILY = (
    "Müller", "Weiß", "Schröder", "Köhler", "Wójcik", "Dąbrowski", "Świątek", "Kamińska", "Lefèvre",
    "Ångström",
    "Hofstätter", "Brandt", "王", "李", "欧阳", "Übelacker", "Zieliński", "Meier", "O'Brien", "Ďurica",
)  # fmt: skip
FIRMS = (
    "Stadtwerke", "Chemie", "Brauerei", "Molkerei", "Przepompownia", "Zakład Wodociągów", "上海阀门",
    "青岛水务",
    "Papierfabrik", "Anlagenbau", "Raffinerie", "Hüttenwerke",
)  # fmt: skip
CITIES = (
    ("Köln", "DE"), ("Düsseldorf", "DE"), ("Neuss", "DE"), ("Wrocław", "PL"), ("Łódź", "PL"),
    ("Kraków", "PL"),
    ("苏州", "CN"), ("上海", "CN"), ("Zürich", "CH"), ("Besançon", "FR"), ("Malmö", "SE"), (None, None),
)  # fmt: skip
LEGAL = ("GmbH", "GmbH & Co. KG", "AG", "Sp. z o.o.", "S.A.", "有限公司", "e.K.")
VALVES = ("Kugelhahn", "Absperrklappe", "Rückschlagventil", "Schieber", "Sicherheitsventil", "Membranventil")
REMARKS = (
    None, None, None, "bitte telefonisch avisieren", "Lieferung nur vormittags – Tor 3", "请附上检验证书",
    "pilne! proszę o kontakt", "wie besprochen ☎", "Teillieferung möglich",
)  # fmt: skip
STATUS = ("delivered", "delivered", "delivered", "invoiced", "open", "cancelled")
EPOCH = date(2004, 1, 5)
DAYS = 8_200

Row = tuple[object, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Defect:
    """`value` makes the bad content from a running number; bytes are stored as TEXT as they are."""

    table: str
    column: str
    kind: str
    per_200k: int
    value: Callable[[int], object]


def _cycle(*values: object) -> Callable[[int], object]:
    return lambda n: values[n % len(values)]


def _orphan(n: int) -> object:
    return 9_000_000 + n


LATIN_1 = _cycle(
    *(text.encode("latin-1") for text in ("Müller Söhne", "Käthe Weiß", "Düsseldorf-Süd", "größer 50°C"))
)
GBK = _cycle(*(text.encode("gbk") for text in ("苏州阀门有限公司", "欧阳建国", "检验证书")))
BAD_DATE = _cycle("0000-00-00", "31.02.2019", "2017-13-05", "unbekannt")

DEFECTS = (
    Defect("employees", "hourly_rate", "bad_number", 4, _cycle("N/A")),
    Defect("customers", "name", "bad_encoding", 75, LATIN_1),
    Defect("customers", "notes", "bad_encoding", 40, GBK),
    Defect("customers", "customer_since", "bad_date", 55, BAD_DATE),
    Defect("customers", "credit_limit", "bad_number", 50, _cycle("N/A", "unlimited", "50.000,-")),
    Defect("customers", "blocked", "bad_boolean", 30, _cycle("vielleicht", 7, "?")),
    Defect("contacts", "customer_id", "orphaned_key", 140, _orphan),
    Defect("contacts", "contact_no", "missing_value", 35, _cycle(None)),
    Defect("contacts", "name", "bad_encoding", 60, GBK),
    Defect("items", "description", "nul_character", 20, _cycle("Kugelhahn\x00DN50", "Schieber DN80\x00")),
    Defect("items", "list_price", "bad_number", 25, _cycle("N/A", "auf Anfrage")),
    Defect("price_agreements", "sku", "orphaned_key", 90, lambda n: f"RV-ALT-{n:05d}"),
    Defect("price_agreements", "valid_from", "bad_date", 70, BAD_DATE),
    Defect("orders", "customer_id", "orphaned_key", 110, _orphan),
    Defect(
        "orders",
        "ordered_at",
        "bad_date",
        85,
        _cycle("0000-00-00 00:00:00", "2015-02-30 10:00:00", "gestern"),
    ),
    Defect("orders", "remark", "nul_character", 45, _cycle("Rückruf\x00", "\x00")),
    Defect("orders", "express", "bad_boolean", 40, _cycle("eilt", 9)),
    Defect("order_lines", "order_id", "orphaned_key", 260, _orphan),
    Defect("order_lines", "unit_price", "bad_number", 95, _cycle("N/A", "n.v.")),
    Defect("bench_tests", "order_id", "orphaned_key", 80, _orphan),
    Defect("bench_tests", "tested_at", "bad_date", 50, _cycle("0000-00-00 00:00:00", "31.02.2019 08:15:00")),
    Defect("attachments", "filename", "bad_encoding", 25, LATIN_1),
)


@dataclass
class Legacy:
    """Rows in the making. The last tenth of each table is never referred to: there the defects go."""

    rows: int
    rng: random.Random
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        total, shares = self.rows - 3, sum(SHARES.values())
        self.counts = {table: total * share // shares for table, share in SHARES.items()}
        self.counts["attachments"] += total - sum(self.counts.values())

    def scaled(self, per_200k: int) -> int:
        return max(1, per_200k * self.rows // 200_000)

    def referable(self, table: str) -> int:
        return self.counts[table] * 9 // 10

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.rng.random() * len(values))]

    def number(self, limit: int) -> int:
        return int(self.rng.random() * limit)

    def day(self) -> str:
        return (EPOCH + timedelta(days=self.number(DAYS))).isoformat()

    def moment(self) -> str:
        start = datetime(EPOCH.year, EPOCH.month, EPOCH.day, 6)
        return str(start + timedelta(seconds=self.number(DAYS * 86_400)))

    def money(self, limit: float, digits: int = 2) -> float | None:
        return None if self.rng.random() < 0.03 else round(self.rng.random() * limit, digits)

    def flag(self) -> int | None:
        return (0, 1, None)[min(2, int(self.rng.random() * 2.1))]

    def person(self) -> str:
        return f"{self.pick(GIVEN)} {self.pick(FAMILY)}"


def sku(number: int) -> str:
    return f"RV-{number:06d}"


def employees(legacy: Legacy, count: int) -> Iterable[Row]:
    for n in range(1, count + 1):
        mail = None if n % 9 == 0 else f"m{n:04d}@rheintal-ventile.example"
        yield n, n % 3 + 1, legacy.person(), mail, legacy.day(), n % 7 != 0, legacy.money(95)


def customers(legacy: Legacy, count: int) -> Iterable[Row]:
    managers, repeated = legacy.referable("employees"), legacy.scaled(DUPLICATES)
    for n in range(1, count + 1):
        number = n if n <= count - repeated else legacy.referable("customers") + n - (count - repeated)
        city, country = legacy.pick(CITIES)
        name = f"{legacy.pick(FIRMS)} {legacy.pick(FAMILY)} {legacy.pick(LEGAL)}"
        manager = None if n % 11 == 0 else 1 + legacy.number(managers)
        vat = f"{country}{legacy.number(10**9):09d}" if country else None
        yield (number, name, city, country, vat, legacy.money(250_000), legacy.day(), legacy.flag(), manager,
               legacy.pick(REMARKS))  # fmt: skip


def contacts(legacy: Legacy, count: int) -> Iterable[Row]:
    known = legacy.referable("customers")
    for n in range(1, count + 1):
        phone = None if n % 5 == 0 else f"+49 {200 + n % 700} {legacy.number(10**7):07d}"
        yield (
            f"K{n:07d}",
            1 + legacy.number(known),
            legacy.person(),
            f"k{n}@kunde.example",
            phone,
            legacy.flag(),
        )


def items(legacy: Legacy, count: int) -> Iterable[Row]:
    for n in range(1, count + 1):
        width = (15, 25, 40, 50, 80, 100, 150, 200)[n % 8]
        text = f"{legacy.pick(VALVES)} DN{width} PN{(16, 40)[n % 2]}"
        yield sku(n), text, width, legacy.rng.random() * 80, legacy.money(4_000), legacy.day(), n % 13 == 0


def price_agreements(legacy: Legacy, count: int) -> Iterable[Row]:
    known, skus = legacy.referable("customers"), legacy.referable("items")
    for n in range(1, count + 1):
        until = None if n % 3 else legacy.day()
        yield (
            n,
            1 + legacy.number(known),
            sku(1 + legacy.number(skus)),
            legacy.money(3_500, 4),
            legacy.day(),
            until,
        )


def orders(legacy: Legacy, count: int) -> Iterable[Row]:
    known, staff = legacy.referable("customers"), legacy.referable("employees")
    for n in range(1, count + 1):
        promised = None if n % 17 == 0 else legacy.day()
        yield (n, 1 + legacy.number(known), 1 + n % 3, 1 + legacy.number(staff), legacy.moment(), promised,
               legacy.pick(STATUS), legacy.money(60_000), legacy.flag(), legacy.pick(REMARKS))  # fmt: skip


def order_lines(legacy: Legacy, count: int) -> Iterable[Row]:
    known, skus = legacy.referable("orders"), legacy.referable("items")
    for n in range(count):
        discount = None if n % 4 else legacy.rng.random() * 0.3
        yield (n % known + 1, n // known + 1, sku(1 + legacy.number(skus)), 1 + legacy.number(500),
               legacy.money(4_000), discount)  # fmt: skip


def bench_tests(legacy: Legacy, count: int) -> Iterable[Row]:
    known, reprints = legacy.referable("orders"), legacy.scaled(REPRINTS)
    first: list[Row] = []
    for n in range(count - reprints):
        row = (f"SN-{n:08d}", 1 + legacy.number(known), legacy.moment(), 10 + legacy.rng.random() * 90,
               legacy.rng.random() * 1e-5, legacy.flag())  # fmt: skip
        if n < reprints:
            first.append(row)
        yield row
    yield from first


def attachments(legacy: Legacy, count: int) -> Iterable[Row]:
    known = legacy.referable("orders")
    for n in range(1, count + 1):
        content = None if n % 50 == 0 else b"%PDF-1.4\n" + legacy.rng.randbytes(64 + n % 192)
        yield n, 1 + legacy.number(known), f"Prüfzeugnis_{n:06d}.pdf", legacy.moment(), content


TABLES: dict[str, Callable[[Legacy, int], Iterable[Row]]] = {
    function.__name__: function
    for function in (
        employees, customers, contacts, items, price_agreements, orders, order_lines, bench_tests,
        attachments,
    )
}  # fmt: skip


def fill(database: sqlite3.Connection, legacy: Legacy) -> None:
    plants = ((1, "NSS", "Werk Neuss", "DE", "1987-04-01"), (2, "WRO", "Zakład Wrocław", "PL", "2004-05-03"),
              (3, "SZV", "苏州工厂", "CN", None))  # fmt: skip
    database.executemany("INSERT INTO sites VALUES (?,?,?,?,?)", plants)
    for table, make in TABLES.items():
        rows = iter(make(legacy, legacy.counts[table]))
        first = next(rows)
        marks = ",".join("?" * len(first))
        database.execute(f"INSERT INTO {table} VALUES ({marks})", first)  # noqa: S608
        database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def plant(database: sqlite3.Connection, legacy: Legacy) -> list[dict[str, object]]:
    """Spoil rows nothing refers to, each of them once. Returns what was planted, as the manifest lists it."""
    repeated = legacy.scaled(DUPLICATES)
    # Customers with a repeated id and their first bearers stay sound but for the repetition.
    free = {table: legacy.referable(table) + 1 for table in TABLES}
    free["customers"] += repeated
    found: list[dict[str, object]] = [_entry("customers", "id", "duplicate_key", repeated)]
    for defect in DEFECTS:
        count, start = legacy.scaled(defect.per_200k), free[defect.table]
        free[defect.table] += count
        values = ((defect.value(n), start + n) for n in range(count))
        mark = "CAST(? AS TEXT)" if isinstance(defect.value(0), bytes) else "?"
        database.executemany(f"UPDATE {defect.table} SET {defect.column} = {mark} WHERE rowid = ?", values)  # noqa: S608
        found.append(_entry(defect.table, defect.column, defect.kind, count))
    return found


def _entry(table: str, column: str, kind: str, rows: int) -> dict[str, object]:
    return {"table": table, "column": column, "kind": kind, "rows": rows}


def make(out: Path, rows: int = 200_000, seed: int = 19) -> dict[str, object]:
    """Write the database and its manifest; returns the manifest. Raises ValueError below 2,000 rows."""
    if rows < 2_000:
        raise ValueError("fewer than 2,000 rows leave no room for the defects")
    out.unlink(missing_ok=True)
    legacy = Legacy(rows, random.Random(seed))
    database = sqlite3.connect(out)
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + SCHEMA.read_text())
    with database:
        fill(database, legacy)
        defects = plant(database, legacy)
    database.close()
    rejected = sum(int(str(entry["rows"])) for entry in defects)
    manifest: dict[str, object] = {"rows": rows, "seed": seed, "tables": {"sites": 3, **legacy.counts},
                                   "defective_rows": rejected, "defects": defects}  # fmt: skip
    manifest_file = out.with_name(out.name + ".manifest.json")
    manifest_file.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=19)
    options = parser.parse_args()
    manifest = make(options.out, options.rows, options.seed)
    print(
        f"{options.out}: {manifest['rows']} rows in 10 tables, {manifest['defective_rows']} of them defective"
    )


if __name__ == "__main__":
    main()
