"""Makes the files a story needs, once: they are kept by the content of what made them."""

import asyncio
import hashlib
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from runtime.demo.playbook import Preparation
from runtime.errors import CommandFailed, Exit


async def prepare(folder: Path, wanted: Iterable[Preparation], cache: Path, data: Path) -> list[str]:
    """Put every prepared file into `data`; returns a line per file for the person who waits."""
    return [await _prepare_one(folder, one, cache, data) for one in wanted]


async def _prepare_one(folder: Path, wanted: Preparation, cache: Path, data: Path) -> str:
    kept = cache / _digest(folder, wanted.script) / Path(wanted.creates).name
    began = time.monotonic()
    is_cached = kept.exists()
    if not is_cached:
        await _make(folder / wanted.script, kept)
    target = data / wanted.creates
    target.parent.mkdir(parents=True, exist_ok=True)
    # By way of a second name, so that a reader of the old file never sees half of the new one.
    draft = target.with_name(f"{target.name}.new")
    await asyncio.to_thread(shutil.copyfile, kept, draft)
    draft.replace(target)
    how = "from the cache" if is_cached else f"made in {time.monotonic() - began:.1f} s"
    return f"{wanted.creates}, {target.stat().st_size / 1e6:.1f} MB, {how}"


def _digest(folder: Path, script: str) -> str:
    """Over the script and what may be beside it to read; the same inputs make the same file."""
    total = hashlib.sha256(script.encode())
    for file in sorted(folder.iterdir()):
        if file.suffix in (".py", ".sql", ".csv"):
            total.update(file.name.encode() + file.read_bytes())
    return total.hexdigest()[:16]


async def _make(script: Path, out: Path) -> None:
    workshop = out.parent.with_name(f"draft-{out.parent.name}")
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    draft = workshop / out.name
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), "--out", str(draft)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0 or not draft.exists():
        last = said.decode(errors="replace").splitlines()[-10:]
        raise CommandFailed(Exit.FAILED, f"{script.name} failed with {process.returncode}", *last)
    shutil.rmtree(out.parent, ignore_errors=True)
    workshop.replace(out.parent)
