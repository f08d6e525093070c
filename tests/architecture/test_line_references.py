"""Pages that lead through the code lead to the right lines."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/line_references.py"


def test_links_into_the_code_stand_on_their_lines() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
