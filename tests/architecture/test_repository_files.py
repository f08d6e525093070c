"""What the repository never holds: addresses of package registries, paths of one machine, foreign scripts."""

import re
from pathlib import Path

import pytest

# Written in parts, so that this file does not hold what it forbids.
REGISTRIES = [
    "py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js.org", "static.crates" + ".io",
    "index.crates" + ".io", "proxy.go" + "lang.org", "repo1.maven" + ".org", "repo.maven" + ".apache.org",
    "deb.deb" + "ian.org", "artifact" + "ory", "nexus" + ".",
]  # fmt: skip
MACHINE_PATHS = [r"/ho" + r"me/[a-z]", r"/Us" + r"ers/[A-Za-z]", r"/wo" + r"rk/[a-z.]", r"/tm" + r"p/[a-z]+/"]
FORBIDDEN = {
    "a registry's address (the clients' own settings say where packages come from)": re.compile(
        "|".join(re.escape(name) for name in REGISTRIES)
    ),
    "a path of one machine (make it relative to the repository)": re.compile("|".join(MACHINE_PATHS)),
}
FOREIGN = re.compile(
    r"""(?:\b(?:src|href)\s*=\s*|@import\s+(?:url\()?|\burl\(|\bfrom\s+|\bimport\(?\s*)["']?\s*(?:https?:)?//(?!127\.0\.0\.1|localhost)"""
)
PAGES = {".html", ".htm", ".css", ".js", ".mjs", ".svg"}
BINARY = {".png", ".gif", ".jpg", ".ico", ".woff2", ".sqlite", ".bin", ".db"}


def text_of(path: Path) -> str:
    return "" if path.suffix in BINARY else path.read_text(errors="replace")


def test_no_file_names_a_registry_or_a_path_of_one_machine(root: Path, project_files: list[Path]) -> None:
    found = [
        f"{path.relative_to(root)}: {match[0]}: {what}"
        for path in project_files
        for what, pattern in FORBIDDEN.items()
        if (match := pattern.search(text_of(path)))
    ]

    assert len(project_files) > 100
    assert found == []


def test_no_served_page_loads_anything_from_elsewhere(root: Path, project_files: list[Path]) -> None:
    served = [
        p for p in project_files if p.is_relative_to(root / "services") or p.is_relative_to(root / "libs")
    ]
    pages = [p for p in served if p.suffix in PAGES or (p.suffix == ".py" and "<" in text_of(p))]

    found = [f"{p.relative_to(root)}: {m[0]}" for p in pages for m in FOREIGN.finditer(text_of(p))]

    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://unpkg.com/react"></script>',
        "<link rel=stylesheet href='//fonts.example.com/css'>",
        '@import url("https://fonts.example.com/css");',
        "background: url(https://example.com/a.png)",
        'import { h } from "https://esm.sh/preact"',
    ],
)
def test_a_planted_foreign_load_is_found(planted: str) -> None:
    assert FOREIGN.search(planted)


@pytest.mark.parametrize(
    "local",
    [
        '<script src="/assets/app.js"></script>',
        '<svg xmlns="http://www.w3.org/2000/svg">',
        '<a href="http://127.0.0.1:8400/graphql">',
        'import { h } from "./preact.js"',
    ],
)
def test_a_local_load_is_left_alone(local: str) -> None:
    assert not FOREIGN.search(local)
