#!/usr/bin/env python3
"""moto as a server on 127.0.0.1: moto_server.py PORT (moto_app.py says why not moto's own program)."""

import sys

from moto_app import answer, make_server

make_server(answer, int(sys.argv[1])).serve_forever()
