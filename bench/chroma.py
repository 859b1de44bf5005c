"""A real Chroma server, asked over HTTP as fast as Python can: bodies are made beforehand, connections are kept."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time

TOOLS = pathlib.Path(os.environ.get("TILLITE_TOOLS", "build/tools")).absolute()
ROOT = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def available():
    return (TOOLS / "chroma-server/node_modules/chromadb").exists()


def free_port():
    with contextlib.closing(socket.socket()) as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


class Server:
    """Serves a directory until the end of the `with`, then stops as by Ctrl-C."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        program = TOOLS / "chroma-server/node_modules/chromadb/dist/cli.mjs"
        command = [TOOLS / "bin/node", program, "run", "--path", self.folder.absolute(), "--host", "127.0.0.1", "--port"]
        self.started = time.monotonic()
        self.process = subprocess.Popen([*command, str(self.port)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
                self.ask("GET", "/api/v2/heartbeat")
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() - self.started > 60:
                    raise
                time.sleep(0.002)

    def __exit__(self, *_):
        self.connection.close()
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def ask(self, method, path, body=None, connection=None):
        connection = connection or self.connection
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"Chroma answered {answer.status}: {text[:300]!r}")
        return text

    def create(self, name):
        configuration = {"hnsw": {"space": "cosine", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16}}
        body = json.dumps({"name": name, "configuration": configuration})
        return f"{ROOT}/{json.loads(self.ask('POST', ROOT, body))['id']}"

    def only_collection(self):
        return f"{ROOT}/{json.loads(self.ask('GET', ROOT))[0]['id']}"

    def set_ef(self, collection, ef):
        self.ask("PUT", collection, json.dumps({"new_configuration": {"hnsw": {"ef_search": ef}}}))

    def add_all(self, collection, bodies, connections):
        """Sends the files, each as one request."""
        waiting, failures = iter(sorted(bodies)), []
        lock = threading.Lock()

        def send():
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            while not failures:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    break
                try:
                    self.ask("POST", f"{collection}/add", body.read_bytes(), connection)
                except (OSError, RuntimeError) as failure:
                    failures.append(failure)
            connection.close()

        senders = [threading.Thread(target=send) for _ in range(connections)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        if failures:
            raise failures[0]

    def peak_mb(self):
        """Of the server's process, mapped files included."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
        return 0


def query_body(vector, where=None):
    query = {"query_embeddings": [list(struct.unpack(f"<{len(vector) // 4}f", vector))], "n_results": 10,
             "include": ["documents", "metadatas", "distances"]}
    return json.dumps(query | ({"where": where} if where else {})).encode()


def sync_all(folder):
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def percentiles(milliseconds):
    ordered = sorted(milliseconds)
    return {"p50_ms": statistics.median(ordered), "p99_ms": ordered[len(ordered) * 99 // 100]}
