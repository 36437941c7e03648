"""A real HTTP server on 127.0.0.1, in a thread of its own, while a test talks to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PostHandler(BaseHTTPRequestHandler):
    """Takes what is posted, and says nothing of it: tests tell."""

    def take(self, body: bytes) -> None:
        """Answer a post."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """Read the body, and hand it on."""
        self.take(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: type[PostHandler], may_answer: threading.Event) -> Iterator[str]:
    """Serve until the end, at an address with a port that was free; then whoever waits to answer is let go."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
