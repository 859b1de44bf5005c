"""moto's services as a WSGI application, and a server of it. It differs from moto's own in three things: a write is one act, as it
is at AWS (moto looks at a condition first and writes afterwards, and of two threads both may win); connections stay open, as
AWS's do; and it is quicker (quick_moto.py)."""

import gc
import http
import io
import threading
import traceback

import quick_moto  # noqa: F401, for what it does to moto
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

ANSWERS = DomainDispatcherApplication(create_backend_app)
ONE_AT_A_TIME = threading.Lock()
gc.set_threshold(200_000, 20, 20)  # it has many objects, hardly any of which ever go


def has_condition(environ):
    return environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_") or any(
        name in environ for name in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"))


def answer(environ, start_response):
    if environ["REQUEST_METHOD"] not in ("PUT", "POST") or not has_condition(environ):
        return ANSWERS(environ, start_response)
    with ONE_AT_A_TIME:
        return ANSWERS(environ, start_response)


class Connection(WSGIRequestHandler):
    """Reads a request as a whole before it is answered: whoever sends slowly keeps nobody waiting, and the next request begins
    where this one ends."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def run_wsgi(self):
        environ = self.make_environ()
        length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        answered = []
        try:
            parts = self.server.app(environ, lambda status, headers, _=None: answered.extend((status, headers)))
            body = b"".join(parts)
        except Exception:  # pylint: disable=broad-except
            self.server.log("error", traceback.format_exc())
            answered, body = ["500 INTERNAL SERVER ERROR", []], b""
        status, headers = answered
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        has_body = self.command != "HEAD" and int(code) not in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED)
        if has_body and "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if has_body:
            self.wfile.write(body)


def make_server(app, port=0):
    return ThreadedWSGIServer("127.0.0.1", port, app, Connection)
