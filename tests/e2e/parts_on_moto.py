#!/usr/bin/env python3
"""Parts of the pipeline on moto, the others in a home: tillite aws setup, and what settings say of snapshots on S3 and of the
publish lock.

usage: parts_on_moto.py PROGRAM
Ends with status 77, which ctest shows as skipped, where moto is missing.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import tempfile
import threading
import unittest
import uuid

import moto_engine
from moto_engine import MotosInterpreter, program_of_test
from served_home import PATIENCE_S, until

PROGRAM = ""
VECTORS, BATCHES = "chromadb-vectors", "embedding-batches"


class Gate:
    """Holds requests that a test asks to be held, until it lets them go."""

    def __init__(self):
        self.holds = lambda environ: False
        self.open = threading.Event()
        self.held = threading.Event()
        self.answer = moto_engine.answer

    def __call__(self, environ, start_response):
        if not self.open.is_set() and self.holds(environ):
            self.held.set()
            self.open.wait(PATIENCE_S)
        return self.answer(environ, start_response)


class OnMoto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gate = Gate()
        moto_engine.answer = cls.gate
        cls.moto = MotosInterpreter(lambda: None)
        cls.addClassCleanup(cls.moto.stop)
        cls.addClassCleanup(setattr, moto_engine, "answer", cls.gate.answer)
        for bucket in (VECTORS, BATCHES):
            cls.moto.client("s3").create_bucket(Bucket=bucket)
        cls.queue_url = cls.moto.client("sqs").create_queue(QueueName="chromadb-delta-queue")["QueueUrl"]

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="tillite-parts-"))
        self.home = os.path.join(self.folder, "home")

    def command(self, *arguments):
        return [PROGRAM, "--home", self.home, "--json", *arguments]

    def tillite(self, *arguments, status=0, **variables):
        """What the program answers, and what it says on standard error."""
        ended = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False,
                               env=self.moto.environment(self.folder, **variables))
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stderr[-2000:]}")
        return json.loads(ended.stdout) if ended.stdout.strip() else None, ended.stderr


    def import_sample(self, **variables):
        sample = subprocess.run([PROGRAM, "sample", "--receipts", "2"], capture_output=True, check=True)
        subprocess.run(self.command("import", "-"), input=sample.stdout, capture_output=True, check=True,
                       env=self.moto.environment(self.folder, **variables))

    def run_held_at_the_upload(self, **variables):
        """A run of the lines whose merge uploads a file that S3 does not take until the gate is opened."""
        self.gate.held.clear()
        self.gate.open.clear()
        self.gate.holds = lambda environ: environ["REQUEST_METHOD"] in ("PUT", "POST") and (
            "/receipt_lines/" in environ["PATH_INFO"] and "/snapshot/" in environ["PATH_INFO"])
        self.addCleanup(self.gate.open.set)
        with open(os.path.join(self.folder, "run.log"), "wb") as log:
            running = subprocess.Popen(self.command("run", "--entity", "line"), stdout=log, stderr=log,
                                       env=self.moto.environment(self.folder, **variables))
        self.addCleanup(lambda: running.poll() is None and (running.kill(), running.wait()))
        self.assertTrue(self.gate.held.wait(PATIENCE_S), "the merge did not come to its upload")
        return running


class Setup(OnMoto):
    def setup(self, status=0, **variables):
        said, error = self.tillite("aws", "setup", status=status, **variables)
        return {part["variable"]: part["state"] for part in (said or {"parts": []})["parts"]}, error

    def test_the_table_is_made_once_and_works(self):
        named = {"DYNAMODB_TABLE_NAME": "Receipts-Setup", "CHROMADB_BUCKET": VECTORS, "S3_BUCKET": BATCHES,
                 "COMPACTION_QUEUE_URL": self.queue_url}
        there = dict.fromkeys(named, "there")
        self.assertEqual(self.setup(**named)[0], {**there, "DYNAMODB_TABLE_NAME": "made"})
        self.assertEqual(self.setup(**named)[0], there)
        keys = self.moto.client("dynamodb").describe_table(TableName="Receipts-Setup")["Table"]
        self.assertEqual(sorted(index["IndexName"] for index in keys["GlobalSecondaryIndexes"]),
                         ["GSI1", "GSI2", "GSI3", "GSITYPE"])
        status, _ = self.tillite("status", **named)
        self.assertEqual([entity["found"] for entity in status["entities"]], [0, 0])

    def test_what_is_not_there_is_named(self):
        states, error = self.setup(status=5, DYNAMODB_TABLE_NAME="Receipts-Alone", CHROMADB_BUCKET=VECTORS,
                                   S3_BUCKET="nobodys-bucket", COMPACTION_QUEUE_URL=self.queue_url + "-of-nobody")
        self.assertEqual(states, {"DYNAMODB_TABLE_NAME": "made", "CHROMADB_BUCKET": "there", "S3_BUCKET": "missing",
                                  "COMPACTION_QUEUE_URL": "missing"})
        self.assertIn("S3_BUCKET", error)

    def test_a_part_without_a_name_is_the_homes(self):
        self.assertEqual(self.setup(DYNAMODB_TABLE_NAME="Receipts-Rows")[0], {
            "DYNAMODB_TABLE_NAME": "made", "CHROMADB_BUCKET": "not named", "S3_BUCKET": "not named",
            "COMPACTION_QUEUE_URL": "not named"})
        self.assertIn("DYNAMODB_TABLE_NAME", self.setup(status=4)[1])

    def test_a_table_of_another_kind_is_refused(self):
        self.moto.client("dynamodb").create_table(
            TableName="Teas", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        self.assertIn("has not the keys", self.setup(status=6, DYNAMODB_TABLE_NAME="Teas")[1])


class StoppedOnAws(OnMoto):
    """Table and vectors lie on AWS."""

    def test_who_is_stopped_while_it_moves_files_gives_back_the_publish_lock(self):
        table, bucket = f"Receipts-{uuid.uuid4()}", f"vectors-{uuid.uuid4()}"
        self.moto.client("s3").create_bucket(Bucket=bucket)
        named = {"DYNAMODB_TABLE_NAME": table, "CHROMADB_BUCKET": bucket}
        self.tillite("aws", "setup", **named)
        self.import_sample(**named)

        def lock():
            key = {"PK": {"S": "LOCK#receipt_lines#publish"}, "SK": {"S": "LOCK"}}
            return self.moto.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})

        running = self.run_held_at_the_upload(**named)
        self.assertIn("owner", lock())
        running.terminate()
        self.assertNotEqual(running.wait(PATIENCE_S), 0)
        self.assertNotIn("owner", lock())


class SnapshotsOnS3(OnMoto):
    """The vectors lie in a bucket of the test's own, everything else in the home."""

    def setUp(self):
        super().setUp()
        bucket = f"vectors-{uuid.uuid4()}"
        self.moto.client("s3").create_bucket(Bucket=bucket)
        self.variables = {"CHROMADB_BUCKET": bucket}
        self.import_sample(**self.variables)

    def kept(self, folder):
        """Bytes of snapshots that stayed on this machine."""
        return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)

    def run_and_query(self, **more):
        self.tillite("run", **self.variables, **more)
        hits, _ = self.tillite("query", "oat milk", **self.variables, **more)
        self.assertTrue(hits)

    def test_files_of_snapshots_stay_in_the_home(self):
        self.run_and_query()
        self.assertGreater(self.kept(os.path.join(self.home, "snapshots")), 100_000)

    def test_none_stay_where_there_is_no_room_for_them(self):
        self.run_and_query(TILLITE_SNAPSHOT_CACHE_BYTES="0")
        self.assertEqual(self.kept(os.path.join(self.home, "snapshots")), 0)

    def test_they_stay_where_they_are_told_to(self):
        work = os.path.join(self.folder, "work")
        self.run_and_query(CHROMA_PERSIST_DIRECTORY=work)
        self.assertGreater(self.kept(os.path.join(work, "snapshots")), 100_000)
        self.assertTrue(os.path.isdir(os.path.join(work, "scratch")))
        self.assertEqual(self.kept(os.path.join(self.home, "snapshots")), 0)

    def lock(self):
        """The row of the publish lock, past the program."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.home, "table.sqlite3"))) as table:
            rows = table.execute("SELECT body FROM items WHERE pk = 'LOCK#receipt_lines#publish'").fetchall()
        return json.loads(rows[0][0]) if rows else None

    def test_the_publish_lock_has_the_lease_and_the_heartbeat_that_it_is_told(self):
        running = self.run_held_at_the_upload(HEARTBEAT_INTERVAL_SECONDS="1", LOCK_DURATION_MINUTES="7", **self.variables)
        first = self.lock()
        self.assertEqual(first["lease_ms"], 7 * 60_000)
        renewed = until(lambda: (row := self.lock())["heartbeat_at"] != first["heartbeat_at"] and row,
                        "a heartbeat within the time that a merge waits")
        self.assertEqual(renewed["owner"], first["owner"])
        self.assertLess(renewed["heartbeat_at"] - first["heartbeat_at"], 30_000, "not the sixty seconds of the default")
        self.gate.open.set()
        self.assertEqual(running.wait(PATIENCE_S), 0)


if __name__ == "__main__":
    PROGRAM = program_of_test(__doc__)
    unittest.main(verbosity=2)
