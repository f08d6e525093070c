"""The background half of `throughline up --detach`: the same run, in a session of its own."""

from runtime.cli import main

if __name__ == "__main__":
    import sys

    main(["up", *sys.argv[1:]])
