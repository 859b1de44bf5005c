#!/usr/bin/env python3
"""The whole pipeline on AWS's own engines: moto's DynamoDB, S3, SQS and Step Functions run the definitions of workflows/,
whose tasks are our bootstrap executables under `tillite lambda-host`; vectors come from `tillite openai-emulator`.

usage: pipeline_on_aws.py PROGRAM BOOTSTRAP [PipelineOnAws | CompactionByQueue]
Driven by the commands of AWS's own program. Everything must come to what the built-in engine comes to on one machine, id by
id, vector by vector. Ten made-up receipts, or 100 of SROIE's, if TILLITE_SHARED names the folder that holds data/receipts/: moto
looks through all rows for each query, so that takes long (and TILLITE_PATIENCE_S=3000). The queue gets TILLITE_MESSAGES (1,000) messages. Ends with status 77, which ctest shows as skipped, where a program is missing.
"""

import concurrent.futures
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
import uuid

from moto_engine import CREDENTIAL, MISSING, REGION, MotosInterpreter
from served_home import clean_environment, until

SKIPPED = 77
PROGRAM = BOOTSTRAP = ""
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SROIE = os.path.join(os.environ.get("TILLITE_SHARED", "/nonexistent"), "data/receipts/sroie_train.jsonl")
RECEIPTS = 100
MADE_UP_RECEIPTS = 10
MESSAGES = int(os.environ.get("TILLITE_MESSAGES", "1000"))

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
            with open(self.log_file) as log:
                raise AssertionError(f"{arguments[0]} ended: {log.read()}")

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
        execution = self.moto.aws("stepfunctions", "start-execution", "--state-machine-arn", machine_arn, "--name",
                                  str(uuid.uuid4()), "--input", "{}")["executionArn"]
        ended = until(lambda: (answer := self.moto.states.describe_execution(executionArn=execution))["status"]
                      != "RUNNING" and answer, f"the end of {machine}")
        if ended["status"] != "SUCCEEDED":
            raise AssertionError(f"{machine} ended {ended['status']}: {ended.get('error')}: {ended.get('cause')}")
        return json.loads(ended["output"])

    def stop(self):
        status = self.host.stop()
        self.moto.stop()
        assert status == 0, f"lambda-host ended with status {status}"


class OnAws(unittest.TestCase):
    """Tests with an account, functions and an emulator of their own."""

    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.aws = Aws(cls.place("aws"), cls.emulator("openai"))
        cls.addClassCleanup(cls.aws.stop)
        cls.aws.create_machines()

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


class PipelineOnAws(OnAws):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file, cls.receipts = receipts_file(cls.folder)
        cls.aws.tillite("import", cls.file)
        until(cls.nothing_is_left, "the end of all items")
        alone = cls.place("alone")
        cls.alone = Commands(alone, clean_environment(alone, **cls.emulator("openai-of-alone")))
        cls.alone("import", cls.file)
        cls.alone("run")

    @classmethod
    def nothing_is_left(cls):
        """Runs each machine once. An item whose text another batch was asked for may have to wait for the next round."""
        for machine in MACHINES:
            cls.aws.run(machine)
        return all(entity[waiting] == 0 for entity in cls.aws.tillite("status")["entities"]
                   for waiting in ("unclaimed", "claimed", "in_deltas"))

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
        counts = ("entity", "found", "noise", "published", "failed", "snapshot_vectors", "snapshot_checksum", "adds_up")
        here, there = ([{count: entity[count] for count in counts} for entity in commands("status")["entities"]]
                       for commands in (self.alone, self.aws.tillite))
        self.assertEqual(here, there)
        for entity in there:
            self.assertEqual(entity["published"], entity["found"] - entity["noise"])

    def test_a_query_finds_the_same(self):
        here, there = ([(hit["id"], round(hit["distance"], 5)) for hit in commands("query", "total amount", "-k", "5")["hits"]]
                       for commands in (self.alone, self.aws.tillite))
        self.assertEqual(here, there)
        self.assertEqual(len(there), 5)

    def test_functions_report_what_they_used(self):
        with open(self.aws.host.log_file) as log:
            lines = log.read()
        for function in ("embedding-line-find", "embedding-word-poll", "embedding-vector-compact"):
            self.assertRegex(lines, re.escape(function))
        self.assertRegex(lines, r"REPORT RequestId: \S+")

    def test_an_idle_pipeline_calls_nobody(self):
        before = self.aws.moto.requests_seen
        time.sleep(3)
        self.assertEqual(self.aws.moto.requests_seen, before)


class EventSourceMapping:
    """What Lambda does between a queue and a function: hands over up to ten messages, and removes those that the function
    does not name as failed."""

    def __init__(self, aws, function):
        self.aws = aws
        self.function = function
        self.functions = aws.functions_client()
        self.queue = aws.moto.client("sqs")

    def work_once(self):
        """How many messages were received."""
        received = self.queue.receive_message(QueueUrl=self.aws.queue_url, MaxNumberOfMessages=10,
                                              AttributeNames=["All"], VisibilityTimeout=2).get("Messages", [])
        if not received:
            return 0
        records = [{"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                    "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                    "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:chromadb-delta-queue",
                    "awsRegion": REGION} for message in received]
        answer = self.functions.invoke(FunctionName=self.function, Payload=json.dumps({"Records": records}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AssertionError(f"{self.function}: {payload}")
        failed = {failure["itemIdentifier"] for failure in payload["batchItemFailures"]}
        done = [message for message in received if message["MessageId"] not in failed]
        for message in done:
            self.queue.delete_message(QueueUrl=self.aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(received)


class CompactionByQueue(OnAws):
    POISON = ["no JSON", "{}", json.dumps({"collection": "no_such_collection"})]

    def test_everything_is_merged_once_and_only_poison_ends_in_the_dead_letters(self):
        file, _ = receipts_file(self.folder)
        self.aws.tillite("import", file)
        self.aws.run(MACHINES[0])
        poll = self.aws.functions_client()

        def polled():
            pending = self.invoke(poll, "embedding-list-pending", {"collection": "receipt_lines"})["pending_batches"]
            for batch in pending:
                self.invoke(poll, "embedding-line-poll", batch)
            return not pending

        until(polled, "the end of all batches")
        notifications = self.messages()
        self.assertGreater(len(notifications), 0)
        lines = next(entity for entity in self.aws.tillite("status")["entities"] if entity["entity"] == "line")
        self.assertEqual(lines["in_deltas"], lines["found"] - lines["noise"])

        bodies = [notifications[i % len(notifications)] for i in range(MESSAGES)] + self.POISON
        bodies.append(json.dumps({"collection": "receipt_lines"}))
        self.send(bodies)
        lock = self.hold_the_lock()
        mapping = EventSourceMapping(self.aws, "embedding-vector-compact")
        for _ in range(5):
            self.assertGreater(mapping.work_once(), 0)  # a lock that is held is no failure
        self.assertEqual(self.published(), 0)
        self.release(lock)
        self.send([json.dumps({"collection": "receipt_lines"})])
        with concurrent.futures.ThreadPoolExecutor(4) as workers:
            until(lambda: not any(workers.map(lambda _: mapping.work_once(), range(4))) and self.in_queue() == 0,
                  "the end of the queue")

        self.assertEqual(self.published(), lines["found"] - lines["noise"])
        self.assertEqual(sorted(self.messages("chromadb-delta-dlq")), sorted(self.POISON))
        versions = self.aws.tillite("snapshot", "list")["snapshots"]
        self.assertEqual(sum(version["deltas_added"] for version in versions), len(notifications))
        print(f"[   FIGURE ] {len(bodies)} messages, {len(notifications)} deltas: all merged once")

    def invoke(self, functions, name, event):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        self.assertNotIn("FunctionError", answer, payload)
        return payload

    def published(self):
        return next(entity for entity in self.aws.tillite("status")["entities"] if entity["entity"] == "line")["published"]

    def send(self, bodies):
        queue = self.aws.moto.client("sqs")
        for begin in range(0, len(bodies), 10):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[begin:begin + 10])]
            sent = queue.send_message_batch(QueueUrl=self.aws.queue_url, Entries=entries)
            self.assertEqual(sent.get("Failed", []), [])

    def in_queue(self):
        attributes = self.aws.moto.client("sqs").get_queue_attributes(
            QueueUrl=self.aws.queue_url, AttributeNames=["All"])["Attributes"]
        return sum(int(attributes[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"))

    def messages(self, name="chromadb-delta-queue"):
        """The bodies of all messages of a queue, which are removed."""
        queue = self.aws.moto.client("sqs")
        url = queue.get_queue_url(QueueName=name)["QueueUrl"]
        bodies = []
        while received := queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                bodies.append(message["Body"])
                queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def hold_the_lock(self):
        """Somebody else publishes: the row as a publisher on another machine writes it."""
        table = self.aws.moto.client("dynamodb")
        key = {"PK": {"S": "LOCK#receipt_lines#publish"}, "SK": {"S": "LOCK"}}
        table.put_item(TableName=self.aws.TABLE, Item={
            **key, "TYPE": {"S": "COMPACTION_LOCK"}, "GSI1PK": {"S": "LOCK#receipt_lines"}, "GSI1SK": {"S": "PUBLISH"},
            "owner": {"S": "another machine"}, "record_version": {"S": "1"}, "lease_ms": {"N": "300000"},
            "heartbeat_at": {"N": str(int(time.time() * 1000))}, "epoch": {"N": "1"}})
        return key

    def release(self, key):
        self.aws.moto.client("dynamodb").update_item(TableName=self.aws.TABLE, Key=key, UpdateExpression="REMOVE #owner",
                                                     ExpressionAttributeNames={"#owner": "owner"})


def main(program, bootstrap, *wanted):
    global PROGRAM, BOOTSTRAP
    PROGRAM, BOOTSTRAP = os.path.abspath(program), os.path.abspath(bootstrap)
    if MISSING:
        print(f"SKIPPED: {MISSING}, so that the pipeline could not be run on moto")
        return SKIPPED
    ended = unittest.main(argv=[program, *wanted], verbosity=2, exit=False)
    return 0 if ended.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
