#!/usr/bin/env python3
"""moto as a server on 127.0.0.1: moto_server.py PORT (moto_app.py says why not moto's own program)."""

import sys

from moto_app import answer
from werkzeug.serving import make_server

make_server("127.0.0.1", int(sys.argv[1]), answer, threaded=True).serve_forever()
