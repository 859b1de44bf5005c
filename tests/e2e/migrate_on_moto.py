#!/usr/bin/env python3
"""From a home to DynamoDB and S3, as moto has them, and back: nothing is lost or changed on the way.

usage: migrate_on_moto.py PROGRAM
The migration is cut off by a signal more than once. What comes back must be, row by row and object by object, what went. Ends
with status 77, which ctest shows as skipped, where a program is missing.
"""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from moto_engine import MotosInterpreter, program_of_test

PROGRAM = ""
RECEIPTS = 12
TABLE, VECTORS, BATCHES = "ReceiptsTable", "chromadb-vectors", "embedding-batches"
CUT_OFF_AFTER_S = (0.3, 0.8)
INDEXES = [("GSI1", "GSI1PK", "GSI1SK"), ("GSI2", "GSI2PK", "GSI2SK"), ("GSI3", "GSI3PK", "GSI3SK"),
           ("GSITYPE", "TYPE", None)]


def make_account(moto):
    keys = ["PK", "SK", "TYPE"] + [f"GSI{i}{key}" for i in (1, 2, 3) for key in ("PK", "SK")]
    indexes = [{"IndexName": name, "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
        {"AttributeName": key, "KeyType": kind} for key, kind in ((hash_key, "HASH"), (range_key, "RANGE")) if key]}
        for name, hash_key, range_key in INDEXES]
    moto.client("dynamodb").create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=indexes)
    for bucket in (VECTORS, BATCHES):
        moto.client("s3").create_bucket(Bucket=bucket)
    return moto.client("sqs").create_queue(QueueName="chromadb-delta-queue")["QueueUrl"]


def rows_of(home):
    """All rows of a home, past the program."""
    with contextlib.closing(sqlite3.connect(os.path.join(home, "table.sqlite3"))) as table:
        rows = {(pk, sk): json.loads(body) for pk, sk, body in table.execute("SELECT pk, sk, body FROM items")}
    rows.pop(("MIGRATION", "CURSOR"), None)
    return rows


def objects_of(home):
    """The SHA-256 of each object of a home, by its name."""
    found = {}
    for store in ("vectors", "batches"):
        root = os.path.join(home, store, "objects")
        for folder, _, files in os.walk(root):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[store + "/" + os.path.relpath(path, root)] = hashlib.sha256(file.read()).hexdigest()
    return found


class MigrateOnMoto(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.moto = MotosInterpreter(lambda: None)
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.environment = cls.moto.environment(cls.folder)
        cls.on_aws = {**cls.environment, "DYNAMODB_TABLE_NAME": TABLE, "CHROMADB_BUCKET": VECTORS, "S3_BUCKET": BATCHES,
                      "COMPACTION_QUEUE_URL": make_account(cls.moto)}

    @classmethod
    def tearDownClass(cls):
        cls.moto.stop()

    def tillite(self, *arguments, environment=None, status=0):
        ended = subprocess.run([PROGRAM, "--json", *arguments], capture_output=True, text=True, check=False,
                               env=environment or self.environment)
        self.assertEqual(ended.returncode, status, f"{arguments}: {ended.stderr[-2000:]}")
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    def cut_off(self, seconds, *arguments):
        migrating = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     env=self.on_aws)
        time.sleep(seconds)
        migrating.send_signal(signal.SIGKILL)
        migrating.wait()

    def test_there_and_back(self):
        home, back = (os.path.join(self.folder, name) for name in ("home", "back"))
        receipts = os.path.join(self.folder, "receipts.jsonl")
        with open(receipts, "wb") as written:
            subprocess.run([PROGRAM, "sample", "--receipts", str(RECEIPTS)], stdout=written, check=True)
        self.tillite("--home", home, "import", receipts)
        self.tillite("--home", home, "run")
        there = ("migrate", "--from", home, "--to", "aws")

        dry = self.tillite(*there, "--dry-run", environment=self.on_aws)
        self.assertEqual(dry["rows"]["RECEIPT"], {"source": RECEIPTS, "target": 0, "copied": 0})
        for seconds in CUT_OFF_AFTER_S:
            self.cut_off(seconds, *there)
        migrated = self.tillite(*there, environment=self.on_aws)
        self.assertTrue(migrated["agrees"], migrated)
        self.assertTrue(self.tillite(*there, environment=self.on_aws)["was_complete"])

        # The pipeline on AWS says the same of it, and finds nothing to do and nothing wrong.
        scratch = os.path.join(self.folder, "scratch-home")
        at_home, on_aws = self.tillite("--home", home, "status"), self.tillite("--home", scratch, "status",
                                                                               environment=self.on_aws)
        self.assertEqual(on_aws["entities"], at_home["entities"])
        self.assertTrue(self.tillite("--home", scratch, "doctor", environment=self.on_aws)["well"])

        self.assertTrue(self.tillite("migrate", "--from", "aws", "--to", back, environment=self.on_aws)["agrees"])
        self.assertEqual(rows_of(back), rows_of(home))
        self.assertEqual(objects_of(back), objects_of(home))
        self.assertTrue(self.tillite("--home", back, "run")["nothing_to_do"])

    def test_a_variable_that_is_missing_is_named(self):
        ended = subprocess.run([PROGRAM, "migrate", "--from", "aws", "--to", os.path.join(self.folder, "none")],
                               capture_output=True, text=True, check=False,
                               env={**self.on_aws, "S3_BUCKET": ""})
        self.assertEqual(ended.returncode, 4, ended.stderr)
        self.assertIn("S3_BUCKET", ended.stderr)


if __name__ == "__main__":
    PROGRAM = program_of_test(__doc__)
    unittest.main(verbosity=2)
