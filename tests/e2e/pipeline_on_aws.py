#!/usr/bin/env python3
"""The whole pipeline on AWS's own engines: moto's DynamoDB, S3, SQS and Step Functions run the definitions of workflows/,
whose tasks are our bootstrap executables under `tillite lambda-host`; vectors come from `tillite openai-emulator`.

usage: pipeline_on_aws.py PROGRAM BOOTSTRAP
Driven by the commands of AWS's own program. Everything must come to what the built-in engine comes to on one machine, id by
id, vector by vector. 100 of SROIE's receipts where they are (TILLITE_SHARED names the folder that holds data/receipts/), made-up
ones else. Ends with status 77, which ctest shows as skipped, where a program is missing.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from moto_engine import CREDENTIAL, MISSING, REGION, MotosInterpreter
from served_home import clean_environment, until

SKIPPED = 77
PROGRAM = BOOTSTRAP = ""
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("TILLITE_SHARED", os.path.join(SOURCES, "../shared"))
SROIE = os.path.join(SHARED, "data/receipts/sroie_train.jsonl")
RECEIPTS = 100
MADE_UP_RECEIPTS = 10

# In the order in which the pipeline runs them.
MACHINES = ["create-batches-sf", "poll-store-sf", "create-word-batches-sf", "poll-word-embeddings-sf"]
COLLECTIONS = ["receipt_lines", "receipt_words"]
INDEXES = [("GSI1", "GSI1PK", "GSI1SK"), ("GSI2", "GSI2PK", "GSI2SK"), ("GSI3", "GSI3PK", "GSI3SK"),
           ("GSITYPE", "TYPE", None)]


class Program:
    """A program that runs beside the test, until stop()."""

    def __init__(self, folder, name, *arguments, **environment):
        self.log_file = os.path.join(folder, name + ".log")
        self.log = open(self.log_file, "wb")
        self.process = subprocess.Popen([PROGRAM, "--json", *arguments], stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=clean_environment(folder, **environment))
        self.said = json.loads(self.process.stdout.readline() or "null")
        if self.said is None:
            raise AssertionError(f"{arguments[0]} ended: {open(self.log_file).read()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        return status


class Commands:
    """tillite's commands in one environment."""

    def __init__(self, folder, environment):
        self.home = os.path.join(folder, "tillite")
        self.folder = folder
        self.environment = environment

    def __call__(self, *arguments):
        """What the program answers."""
        ended = subprocess.run([PROGRAM, "--home", self.home, "--json", *arguments], capture_output=True, text=True,
                               check=False, env=self.environment)
        if ended.returncode != 0:
            raise AssertionError(f"tillite {arguments} ended with status {ended.returncode}: {ended.stderr}")
        return json.loads(ended.stdout) if ended.stdout else None

    def records(self, collection):
        """All records of a collection's newest version, by id, as they are stored: document, metadata and vector."""
        folder = os.path.join(self.folder, "exported-" + collection)
        self("snapshot", "export", collection, folder)
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "chroma.sqlite3"))) as tables:
            ids = [row[0] for row in tables.execute("SELECT embedding_id FROM embeddings ORDER BY embedding_id")]
        found = []
        for begin in range(0, len(ids), 500):
            found += self("get", *ids[begin:begin + 500])["records"]
        return {record["id"]: record for record in found}


def receipts_file(folder):
    """The file to import, and how many receipts it has."""
    file = os.path.join(folder, "receipts.jsonl")
    with open(file, "wb") as written:
        if os.path.exists(SROIE):
            with open(SROIE, "rb") as all_of_them:
                written.writelines(itertools.islice(all_of_them, RECEIPTS))
            return file, RECEIPTS
        subprocess.run([PROGRAM, "sample", "--receipts", str(MADE_UP_RECEIPTS)], stdout=written, check=True)
    return file, MADE_UP_RECEIPTS


class Aws:
    """An account on moto with what the pipeline needs, its functions under lambda-host. In the names of the seed."""

    TABLE = "ReceiptsTable"
    VECTORS = "chromadb-vectors"
    BATCHES = "embedding-batches"

    def __init__(self, folder, openai):
        self.folder = folder
        self.moto = MotosInterpreter(lambda: self.functions_client())
        self.queue_url = self.make_account()
        self.variables = {"DYNAMODB_TABLE_NAME": self.TABLE, "CHROMADB_BUCKET": self.VECTORS, "S3_BUCKET": self.BATCHES,
                          "COMPACTION_QUEUE_URL": self.queue_url, **openai}
        environment = self.moto.environment(folder, **self.variables)
        for_functions = [f"{name}={environment[name]}" for name in (*self.variables, "AWS_ENDPOINT_URL", *CREDENTIAL)]
        self.host = Program(folder, "lambda-host", "lambda-host", "--port", "0", "--bootstrap", BOOTSTRAP,
                            *(word for variable in for_functions for word in ("--env", variable)),
                            AWS_REGION=REGION)
        self.tillite = Commands(folder, environment)

    def functions_client(self):
        import boto3
        import botocore.config

        return boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{self.host.said['port']}", region_name=REGION,
                            config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=900),
                            **{name.lower(): value for name, value in CREDENTIAL.items()})

    def make_account(self):
        keys = ["PK", "SK", "TYPE"] + [f"GSI{i}{key}" for i in (1, 2, 3) for key in ("PK", "SK")]
        indexes = [{"IndexName": name, "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
            {"AttributeName": key, "KeyType": kind} for key, kind in ((hash_key, "HASH"), (range_key, "RANGE")) if key]}
            for name, hash_key, range_key in INDEXES]
        self.moto.aws("dynamodb", "create-table", "--table-name", self.TABLE, "--billing-mode", "PAY_PER_REQUEST",
                      "--attribute-definitions", *(f"AttributeName={key},AttributeType=S" for key in keys),
                      "--key-schema", "AttributeName=PK,KeyType=HASH", "AttributeName=SK,KeyType=RANGE",
                      "--global-secondary-indexes", json.dumps(indexes))
        for bucket in (self.VECTORS, self.BATCHES):
            self.moto.aws("s3api", "create-bucket", "--bucket", bucket)
        dead = self.moto.aws("sqs", "create-queue", "--queue-name", "chromadb-delta-dlq")["QueueUrl"]
        arn = self.moto.aws("sqs", "get-queue-attributes", "--queue-url", dead, "--attribute-names", "QueueArn")
        redrive = json.dumps({"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "5"})
        return self.moto.aws("sqs", "create-queue", "--queue-name", "chromadb-delta-queue", "--attributes", json.dumps(
            {"VisibilityTimeout": "900", "RedrivePolicy": redrive}))["QueueUrl"]

    def create_machines(self):
        for machine in MACHINES:
            with open(os.path.join(SOURCES, "workflows", machine + ".asl.json")) as file:
                self.moto.create(machine, file.read())

    def run(self, machine):
        """Starts a state machine as the seed says and waits for its end; the output."""
        machine_arn = next(there["stateMachineArn"]
                           for there in self.moto.aws("stepfunctions", "list-state-machines")["stateMachines"]
                           if there["name"] == machine)
        execution = self.moto.aws("stepfunctions", "start-execution", "--state-machine-arn", machine_arn, "--input",
                                  "{}")["executionArn"]
        ended = until(lambda: (answer := self.moto.states.describe_execution(executionArn=execution))["status"]
                      != "RUNNING" and answer, f"the end of {machine}")
        if ended["status"] != "SUCCEEDED":
            raise AssertionError(f"{machine} ended {ended['status']}: {ended.get('error')}: {ended.get('cause')}")
        return json.loads(ended["output"])

    def stop(self):
        status = self.host.stop()
        self.moto.stop()
        assert status == 0, f"lambda-host ended with status {status}"


class PipelineOnAws(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.file, cls.receipts = receipts_file(cls.folder)
        cls.openai = cls.emulator("openai")
        cls.aws = Aws(cls.place("aws"), cls.openai)
        cls.addClassCleanup(cls.aws.stop)
        cls.aws.create_machines()
        cls.aws.tillite("import", cls.file)
        for find, poll in (MACHINES[:2], MACHINES[2:]):
            cls.aws.run(find)
            until(lambda: cls.aws.run(poll).get("merge"), f"the merge of {poll}")  # pylint: disable=cell-var-from-loop
        alone = cls.place("alone")
        cls.alone = Commands(alone, clean_environment(alone, **cls.emulator("openai-of-alone")))
        cls.alone("import", cls.file)
        cls.alone("run")

    @classmethod
    def place(cls, name):
        folder = os.path.join(cls.folder, name)
        os.mkdir(folder)
        return folder

    @classmethod
    def emulator(cls, name):
        program = Program(cls.place(name), name, "openai-emulator", "--port", "0", "--folder",
                          os.path.join(cls.folder, name, "state"), "--latency", "in-progress=20ms")
        cls.addClassCleanup(program.stop)
        return {"OPENAI_BASE_URL": f"http://127.0.0.1:{program.said['port']}/v1", "OPENAI_API_KEY": "sk-any"}

    def test_the_collections_are_those_of_one_machine_record_by_record(self):
        for collection in COLLECTIONS:
            with self.subTest(collection):
                here, there = (commands.records(collection) for commands in (self.alone, self.aws.tillite))
                self.assertGreater(len(here), self.receipts)
                self.assertEqual(set(here), set(there))
                different = [record for record in here if here[record] != there[record]]
                self.assertEqual(different, [])
                print(f"[   FIGURE ] {collection}: {len(there)} records, the same on AWS and on one machine")

    def test_every_item_is_accounted_for(self):
        here, there = (commands("status")["entities"] for commands in (self.alone, self.aws.tillite))
        self.assertEqual(here, there)
        for entity in there:
            self.assertEqual(entity["published"], entity["found"] - entity["noise"])

    def test_a_query_finds_the_same(self):
        here, there = ([(hit["id"], round(hit["distance"], 5)) for hit in commands("query", "total amount", "--k", "5")["hits"]]
                       for commands in (self.alone, self.aws.tillite))
        self.assertEqual(here, there)
        self.assertEqual(len(there), 5)

    def test_functions_report_what_they_used(self):
        lines = open(self.aws.host.log_file).read()
        for function in ("embedding-line-find", "embedding-word-poll", "embedding-vector-compact"):
            self.assertRegex(lines, re.escape(function))
        self.assertRegex(lines, r"REPORT RequestId: \S+")

    def test_an_idle_pipeline_calls_nobody(self):
        before = self.aws.moto.requests()
        time.sleep(3)
        self.assertEqual(self.aws.moto.requests(), before)


def main(program, bootstrap):
    global PROGRAM, BOOTSTRAP
    PROGRAM, BOOTSTRAP = os.path.abspath(program), os.path.abspath(bootstrap)
    if MISSING:
        print(f"SKIPPED: {MISSING}, so that the pipeline could not be run on moto")
        return SKIPPED
    ended = unittest.main(argv=[program], verbosity=2, exit=False)
    return 0 if ended.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
