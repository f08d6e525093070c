"""The background half of `throughline up --detach`: the same run, in a session of its own."""

import json
import sys

from runtime.bring_up import Wish, bring_up

if __name__ == "__main__":
    sys.exit(bring_up(Wish(**json.loads(sys.argv[1])), announce=False))
