"""Stands in for a service: answers its health on HTTP_PORT, and fails in the way FAKE_<NAME> asks for."""

import http.server
import os
import subprocess
import sys


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if os.environ.get("FAKE_MODE") == "never-ready" else 200)
        self.end_headers()
        self.wfile.write(b"partition assignment of group fake")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    if os.environ.get("FAKE_MODE") == "crash":
        sys.exit("FATAL: the fake was told to crash")
    if os.environ.get("FAKE_MODE") == "grandchild":
        # Leaves the group and ignores the parent's death, as a built database server does.
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    http.server.HTTPServer(("127.0.0.1", int(os.environ["HTTP_PORT"])), Health).serve_forever()


main()
