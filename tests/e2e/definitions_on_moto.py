#!/usr/bin/env python3
"""The state machines of workflows/ before other judges than ours, and walked by another interpreter.

usage: definitions_on_moto.py PROGRAM [AslValidator | Moto]
npm's asl-validator must accept the four definitions. moto, a stand-in for AWS, must create them, and its interpreter must
come to the same as ours with our steps as Lambda functions: status, output, error, cause, the records of the collections and
their vectors. Ends with status 77, which ctest shows as skipped, where a program is missing.
"""

import collections
import contextlib
import glob
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from moto_engine import MISSING as MISSING_OF_MOTO
from moto_engine import MotosInterpreter, outcome
from served_home import Server, clean_environment, import_sample, until

SKIPPED = 77
PROGRAM = ""
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.abspath(os.environ.get("TILLITE_TOOLS", os.path.join(SOURCES, "build/tools")))
NODE = os.path.join(TOOLS, "bin/node")
VALIDATOR = os.path.join(TOOLS, "asl-validator/node_modules/asl-validator/dist/bin/asl-validator.js")
RECEIPTS = 6

# In the order in which the pipeline runs them.
MACHINES = ["create-batches-sf", "poll-store-sf", "create-word-batches-sf", "poll-word-embeddings-sf"]


def file_of(machine):
    return os.path.join(SOURCES, "workflows", machine + ".asl.json")


class AslValidator(unittest.TestCase):
    def test_the_definitions_are_valid(self):
        self.assertEqual({file_of(machine) for machine in MACHINES},
                         set(glob.glob(os.path.join(SOURCES, "workflows/*.asl.json"))))
        for machine in MACHINES:
            judged = subprocess.run([NODE, VALIDATOR, "--json-path", file_of(machine)], capture_output=True, text=True,
                                    check=False)
            self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)


def definition_of(machine):
    with open(file_of(machine)) as file:
        return file.read()


def calling(function, payload):
    return json.dumps({"StartAt": "Call", "States": {"Call": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload}, "End": True}}})


def failing_machines():
    return {
        "failing-step": calling("embedding-vector-compact", {"operation": "none"}),
        "no-such-step": calling("embedding-of-nothing", {}),
        # Ours, with a step that cannot read what it is given: caught, and handed on by a Fail state.
        "poll-store-that-fails": definition_of("poll-store-sf").replace("embedding-split-chunks",
                                                                        "embedding-vector-compact"),
    }


def without_ids(value, name=""):
    """A machine's output without what two runs of the same differ in: ids of batches, deltas and files, and times."""
    if name in ("batch_id", "openai_batch_id", "delta_id", "snapshot_key", "processing_time_seconds"):
        return None if value is None else f"<{name}>"
    if isinstance(value, dict):
        return {key: without_ids(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return sorted((without_ids(part) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
    return value


class Home:
    """A folder with a home; each with the same made-up receipts, or none."""

    def __init__(self, receipts):
        self.folder = tempfile.TemporaryDirectory(prefix="tillite-moto-")
        self.path = self.folder.name
        if receipts > 0:
            import_sample(PROGRAM, self.path, receipts)

    def tillite(self, *arguments, statuses=(0,), **environment):
        """What the program answers."""
        ended = subprocess.run([PROGRAM, "--home", os.path.join(self.path, "tillite"), "--json", *arguments],
                               capture_output=True, text=True, check=False,
                               env=clean_environment(self.path, **environment))
        if ended.returncode not in statuses:
            raise AssertionError(f"tillite {arguments} ended with status {ended.returncode}: {ended.stderr}")
        return json.loads(ended.stdout) if ended.stdout else None

    def collections(self):
        """The newest version of each collection: what does not differ between two runs of the same. The checksum is over
        ids, versions, vectors, documents and metadata."""
        versions = self.tillite("snapshot", "list")["snapshots"]
        return {version["collection"]: {field: version[field] for field in ("vectors", "deltas_added", "checksum")}
                for version in versions}

    def records(self, collection):
        """All records of a collection's newest version, by id, as they are stored: document, metadata and vector."""
        folder = os.path.join(self.path, "exported-" + collection)
        self.tillite("snapshot", "export", collection, folder)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "chroma.sqlite3"))) as tables:
            ids = [row[0] for row in tables.execute("SELECT embedding_id FROM embeddings ORDER BY embedding_id")]
        return {record["id"]: record for record in self.tillite("get", *ids)["records"]}


class BuiltInEngine:
    """The engine of a home, whose functions are its own steps or those of a Lambda endpoint."""

    def __init__(self, home, **environment):
        self.home = home
        self.environment = environment

    def walk(self, machine, definition):
        file = os.path.join(self.home.path, machine + ".asl.json")
        with open(file, "w") as written:
            written.write(definition)
        self.home.tillite("workflow", "start", file, statuses=(0, 16, 4), **self.environment)
        newest = self.home.tillite("workflow", "list")["executions"][0]["execution_id"]
        ended = self.home.tillite("workflow", "describe", newest)
        events = self.home.tillite("workflow", "history", newest)["events"]
        return outcome(ended["status"], ended.get("output"), ended.get("error"), ended.get("cause"), events)


def run_pipeline(engine):
    """Walks the four machines as `run` does, each poll until its batches are merged. The answer: how each ended."""
    ended = {}
    for machine in MACHINES:
        definition = definition_of(machine)

        def walk():
            ended[machine] = engine.walk(machine, definition)
            output = ended[machine]["output"]
            return ended[machine]["status"] != "SUCCEEDED" or "merge" not in output or output["merge"] is not None
        until(walk, f"the merge of {machine}")
    return ended


class Moto(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.homes = {name: cls.home(RECEIPTS) for name in ("alone", "behind Invoke", "in moto")}
        functions, functions_of_moto = (cls.serve(cls.homes[name]) for name in ("behind Invoke", "in moto"))
        moto = MotosInterpreter(lambda: functions_of_moto.client("lambda"))
        cls.addClassCleanup(moto.stop)
        engines = {"alone": BuiltInEngine(cls.homes["alone"]),
                   "behind Invoke": BuiltInEngine(cls.home(0), AWS_ENDPOINT_URL_LAMBDA=functions.url),
                   "in moto": moto}
        cls.ended = {name: run_pipeline(engine) for name, engine in engines.items()}
        cls.failed = {name: {machine: engine.walk(machine, definition)
                             for machine, definition in failing_machines().items()}
                      for name, engine in engines.items()}

    @classmethod
    def home(cls, receipts):
        home = Home(receipts)
        cls.addClassCleanup(home.folder.cleanup)
        return home

    @classmethod
    def serve(cls, home):
        server = Server(PROGRAM, home.path, "--no-compaction")

        def stop():
            status = server.stop()
            assert status == 0, f"serve ended with status {status}"

        cls.addClassCleanup(stop)
        return server

    def each_against_alone(self, of_engine):
        for name in ("behind Invoke", "in moto"):
            with self.subTest(name):
                self.assertEqual(of_engine(name), of_engine("alone"))

    def test_the_machines_come_to_the_same(self):
        for machine in MACHINES:
            self.assertEqual(self.ended["alone"][machine]["status"], "SUCCEEDED")
        self.each_against_alone(lambda name: {machine: {**ended, "output": without_ids(ended["output"])}
                                              for machine, ended in self.ended[name].items()})

    def test_the_collections_are_the_same_record_by_record(self):
        for collection, vectors_min in (("receipt_lines", 100), ("receipt_words", 300)):
            records = {name: home.records(collection) for name, home in self.homes.items()}
            self.assertGreater(len(records["alone"]), vectors_min)
            self.each_against_alone(lambda name: records[name])
        self.each_against_alone(lambda name: self.homes[name].collections())
        self.each_against_alone(lambda name: self.homes[name].tillite("status")["entities"])

    def test_failures_are_the_same(self):
        for machine in ("failing-step", "poll-store-that-fails"):
            failed = self.failed["alone"][machine]
            self.assertEqual((failed["status"], failed["error"]), ("FAILED", "Tillite.InvalidInput"))
            self.assertEqual(json.loads(failed["cause"])["errorType"], "Tillite.InvalidInput")
            self.each_against_alone(lambda name: self.failed[name][machine])
        # Why there is no such function is worded differently.
        self.each_against_alone(lambda name: {**self.failed[name]["no-such-step"], "cause": None})
        self.assertEqual(self.failed["alone"]["no-such-step"]["error"], "Lambda.ResourceNotFoundException")


def main(program, *wanted):
    global PROGRAM
    PROGRAM = os.path.abspath(program)
    missing = {"AslValidator": "" if os.path.exists(NODE) and os.path.exists(VALIDATOR)
               else f"there is no asl-validator in {TOOLS} (scripts/setup test installs it)",
               "Moto": MISSING_OF_MOTO}
    peers = wanted or tuple(missing)
    for peer in peers:
        if missing[peer]:
            print(f"SKIPPED: {missing[peer]}, so that the definitions could not be tried with {peer}")
    runnable = [peer for peer in peers if not missing[peer]]
    ended = unittest.main(argv=[program, *runnable], verbosity=2, exit=False) if runnable else None
    if ended and not ended.result.wasSuccessful():
        return 1
    return 0 if len(runnable) == len(peers) else SKIPPED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
