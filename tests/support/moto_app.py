"""moto's services as a WSGI application. It differs from moto's own in one thing: a write is one act, as it is at AWS. moto
looks at a condition first and writes afterwards, and of two threads both may win."""

import io
import threading

from moto.server import DomainDispatcherApplication, create_backend_app

ANSWERS = DomainDispatcherApplication(create_backend_app)
ONE_AT_A_TIME = threading.Lock()


def has_condition(environ):
    return environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_") or any(
        name in environ for name in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"))


def answer(environ, start_response):
    if environ["REQUEST_METHOD"] not in ("PUT", "POST") or not has_condition(environ):
        return ANSWERS(environ, start_response)
    # Whoever sends slowly keeps nobody waiting.
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    with ONE_AT_A_TIME:
        return ANSWERS(environ, start_response)
