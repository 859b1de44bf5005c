#!/usr/bin/env python3
"""The whole pipeline on AWS's own engines: moto's DynamoDB, S3, SQS and Step Functions run the definitions of workflows/,
whose tasks are our bootstrap executables under `tillite lambda-host`; vectors come from `tillite openai-emulator`.

usage: pipeline_on_aws.py PROGRAM BOOTSTRAP [PipelineOnAws | CompactionByQueue]
Driven by the commands of AWS's own program. Everything must come to what the built-in engine comes to on one machine, id by
id, vector by vector: ten made-up receipts, or 100 of SROIE's if TILLITE_SHARED names the folder that holds data/receipts/, which
takes six minutes of a processor. The functions must make no call that their roles refuse, and have no right that nothing needs.
The queue gets TILLITE_MESSAGES (1,000) messages. Ends with status 77, which ctest shows as skipped, where a program is missing.
"""

import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

from moto_engine import ACCOUNT, CREDENTIAL, MISSING, REGION, MotosInterpreter
from served_home import clean_environment, until

from check_calls import Grants  # of tests/infra: moto_engine knows where that is

SKIPPED = 77
PROGRAM = BOOTSTRAP = ""
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SROIE = os.path.join(os.environ.get("TILLITE_SHARED", "/nonexistent"), "data/receipts/sroie_train.jsonl")
RECEIPTS = 100
MADE_UP_RECEIPTS = 10
MESSAGES = int(os.environ.get("TILLITE_MESSAGES", "1000"))
RECEIPTS_OF_MANY_DELTAS = 45

# In the order in which the pipeline runs them.
MACHINES = ["create-batches-sf", "poll-store-sf", "create-word-batches-sf", "poll-word-embeddings-sf"]
SUBMITTING = ["create-batches-sf", "create-word-batches-sf"]
COLLECTIONS = ["receipt_lines", "receipt_words"]
INDEXES = [("GSI1", "GSI1PK", "GSI1SK"), ("GSI2", "GSI2PK", "GSI2SK"), ("GSI3", "GSI3PK", "GSI3SK"),
           ("GSITYPE", "TYPE", None)]


@contextlib.contextmanager
def figure(what):
    """Says how long something took: by the clock, and of the processors for moto and for the programs that ended meanwhile."""
    def used():
        return [time.monotonic(), *(usage.ru_utime + usage.ru_stime for usage in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))]

    before = used()
    yield
    elapsed, moto, programs = (after - earlier for after, earlier in zip(used(), before))
    print(f"[   FIGURE ] {what}: {elapsed:.1f} s; CPU of moto {moto:.1f} s, of programs {programs:.1f} s", flush=True)


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
    if not os.path.exists(SROIE):
        print(f"NOTE: there is no {SROIE}, so that made-up receipts take the place of real ones")
        return made_up_receipts(folder, MADE_UP_RECEIPTS), MADE_UP_RECEIPTS
    file = os.path.join(folder, "receipts.jsonl")
    with open(file, "wb") as written, open(SROIE, "rb") as all_of_them:
        written.writelines(itertools.islice(all_of_them, RECEIPTS))
    return file, RECEIPTS


def made_up_receipts(folder, receipts):
    file = os.path.join(folder, "receipts.jsonl")
    with open(file, "wb") as written:
        subprocess.run([PROGRAM, "sample", "--receipts", str(receipts)], stdout=written, check=True)
    return file


def receipts_without_repeats(folder):
    """Of one line each, no text of which is in another: none waits for another's batch."""
    file = made_up_receipts(folder, RECEIPTS_OF_MANY_DELTAS)
    with open(file) as written:
        receipts = [json.loads(line) for line in written]
    for i, receipt in enumerate(receipts):
        receipt["lines"] = receipt["lines"][:1]
        for line in receipt["lines"]:
            for word in line["words"]:
                word["text"] = f"item-{i}-{line['line_id']}-{word['word_id']}"
            line["text"] = " ".join(word["text"] for word in line["words"])
    with open(file, "w") as written:
        written.writelines(json.dumps(receipt) + "\n" for receipt in receipts)
    return file


def steps():
    """The functions, as workflows/steps.json has them."""
    with open(os.path.join(SOURCES, "workflows/steps.json")) as file:
        return json.load(file)["steps"]


def deployed(constant):
    """A number that the deployment has."""
    with open(os.path.join(SOURCES, "infra/components/lambda_functions.ts")) as file:
        return int(re.search(rf"^const {constant} = (\d+);$", file.read(), re.MULTILINE).group(1))


class Aws:
    """An account on moto with what the pipeline needs, its functions under lambda-host. In the names of the seed."""

    TABLE = "ReceiptsTable"
    VECTORS = "chromadb-vectors"
    BATCHES = "embedding-batches"

    def __init__(self, folder, **variables):
        self.folder = folder
        self.moto = MotosInterpreter(lambda: self.functions_client(),
                                     {self.VECTORS: "vectors", self.BATCHES: "batch_files"})
        self.queue_url = self.make_account()
        self.variables = {"DYNAMODB_TABLE_NAME": self.TABLE, "CHROMADB_BUCKET": self.VECTORS, "S3_BUCKET": self.BATCHES,
                          "COMPACTION_QUEUE_URL": self.queue_url, **variables}
        self.environment = self.moto.environment(folder, **self.variables)
        for_all = [f"{name}={self.environment[name]}" for name in (*self.variables, "AWS_ENDPOINT_URL")]
        self.host = Program(folder, "lambda-host", "lambda-host", "--port", "0", "--functions", self.functions_file(),
                            *(word for variable in for_all for word in ("--env", variable)), AWS_REGION=REGION)
        self.tillite = Commands(folder, self.environment)

    def functions_file(self):
        """The steps as functions. Each signs with its HANDLER_TYPE, so that its calls are known as its own."""
        functions = [{"name": step["function_name"], "command": [BOOTSTRAP],
                      **{limit: step[limit] for limit in ("memory_mb", "timeout_s", "storage_mb")},
                      "environment": {**step["environment"], **CREDENTIAL, "HANDLER_TYPE": step["handler_type"],
                                      "AWS_ACCESS_KEY_ID": step["handler_type"]}} for step in steps()]
        file = os.path.join(self.folder, "functions.json")
        with open(file, "w") as written:
            json.dump({"functions": functions}, written)
        return file

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
        while (ended := self.moto.aws("stepfunctions", "describe-execution", "--execution-arn", execution))["status"] == "RUNNING":
            time.sleep(2)  # the program takes longer to start than the answer does
        if ended["status"] != "SUCCEEDED":
            raise AssertionError(f"{machine} ended {ended['status']}: {ended.get('error')}: {ended.get('cause')}")
        return json.loads(ended["output"])

    def refusals(self):
        """What AWS would have refused a function, by workflows/permissions.json."""
        grants = Grants()
        return sorted({refusal for call in self.calls_of_steps()
                       if (refusal := grants.refusal(dict(call)))})

    def calls_of_steps(self):
        """How often each call was made."""
        names = {step["handler_type"] for step in steps()}
        return {call: number for call, number in self.moto.calls.items() if dict(call)["step"] in names}

    def stop(self):
        status = self.host.stop()
        self.moto.stop()
        assert status == 0, f"lambda-host ended with status {status}"


class OnAws(unittest.TestCase):
    """Tests with an account, functions and an emulator of their own."""

    maxDiff = 2000
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.aws = Aws(cls.place("aws"), **cls.emulator("openai"), **cls.SETTINGS)
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
        with figure(f"import of {cls.receipts} receipts on AWS"):
            cls.aws.tillite("import", cls.file)
        until(cls.nothing_is_left, "the end of all items")
        alone = cls.place("alone")
        cls.alone = Commands(alone, clean_environment(alone, **cls.emulator("openai-of-alone")))
        with figure("all of it on one machine"):
            cls.alone("import", cls.file)
            cls.alone("run")

    @classmethod
    def nothing_is_left(cls):
        """Runs each machine once. An item whose text another batch was asked for may have to wait for the next round."""
        for machine in MACHINES:
            with figure(machine):
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

    def test_functions_may_do_what_they_do(self):
        self.assertEqual(self.aws.refusals(), [])
        for call, number in sorted(self.aws.moto.calls.items(), key=lambda entry: sorted(dict(entry[0]).items())):
            print("[   FIGURE ]", number, *(f"{name}={value}" for name, value in call))

    def test_functions_do_what_they_may(self):
        grants = Grants()
        calls = [dict(call) for call in self.aws.calls_of_steps()]
        self.assertEqual(grants.silent(calls), [])
        self.assertEqual(list(grants.unused(calls)), [])
        self.assertEqual(list(grants.pointless_reasons()), [])

    def test_an_idle_pipeline_calls_nobody(self):
        before = self.aws.moto.requests_seen
        time.sleep(3)
        self.assertEqual(self.aws.moto.requests_seen, before)


class EventSourceMapping:
    """What Lambda does between a queue and a function: hands over messages, and removes those that the function does not name
    as failed. Those come again after the queue's time-out, which is over at once here."""

    MESSAGES = deployed("MESSAGES_A_CALL")
    CONCURRENCY = deployed("QUEUE_CONCURRENCY")

    def __init__(self, aws, step):
        self.aws = aws
        self.function = next(there["function_name"] for there in steps() if there["handler_type"] == step)
        self.functions = aws.functions_client()
        self.queue = aws.moto.client("sqs", AWS_ACCESS_KEY_ID=step)  # in the function's name, as Lambda does it
        self.time = aws.moto.client("sqs")
        self.calls = 0

    def work_once(self):
        """How many messages were received."""
        received = self.queue.receive_message(QueueUrl=self.aws.queue_url, MaxNumberOfMessages=self.MESSAGES,
                                              AttributeNames=["All"]).get("Messages", [])
        if not received:
            return 0
        self.calls += 1
        records = [{"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                    "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                    "eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:chromadb-delta-queue",
                    "awsRegion": REGION} for message in received]
        answer = self.functions.invoke(FunctionName=self.function, Payload=json.dumps({"Records": records}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise AssertionError(f"{self.function}: {payload}")
        failed = {failure["itemIdentifier"] for failure in payload["batchItemFailures"]}
        done = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(received)
                if message["MessageId"] not in failed]
        if done:
            removed = self.queue.delete_message_batch(QueueUrl=self.aws.queue_url, Entries=done)
            assert not removed.get("Failed"), removed
        for message in received:
            if message["MessageId"] in failed:
                self.time.change_message_visibility(QueueUrl=self.aws.queue_url, ReceiptHandle=message["ReceiptHandle"],
                                                    VisibilityTimeout=0)
        return len(received)

    def work_until(self, is_done):
        """As many calls at once as are deployed."""
        def work():
            while not is_done():
                if not self.work_once():
                    time.sleep(0.1)

        with concurrent.futures.ThreadPoolExecutor(self.CONCURRENCY) as workers:
            for worker in [workers.submit(work) for _ in range(self.CONCURRENCY)]:
                worker.result()


class CompactionByQueue(OnAws):
    POISON = ["no JSON", "{}", json.dumps({"collection": "no_such_collection"})]
    # Every line and every word is a batch, and a delta.
    SETTINGS = {"BATCH_ITEMS_MAX": "1"}

    def test_everything_is_merged_once_and_only_poison_ends_in_the_dead_letters(self):
        self.aws.tillite("import", receipts_without_repeats(self.folder))
        with figure("making the deltas"):
            until(self.everything_is_in_deltas, "a delta for everything")
        notifications = self.messages()
        told = [json.loads(body) for body in notifications]
        deltas = {collection: len({delta["delta_key"] for delta in told if delta["collection"] == collection})
                  for collection in COLLECTIONS}
        for collection in COLLECTIONS:
            self.assertGreaterEqual(deltas[collection], RECEIPTS_OF_MANY_DELTAS, collection)

        bodies = [notifications[i % len(notifications)] for i in range(MESSAGES)] + self.POISON
        with figure(f"sending {len(bodies)} messages"):
            self.send(bodies)
        locks = [self.hold_the_lock(collection) for collection in COLLECTIONS]
        mapping = EventSourceMapping(self.aws, "compaction")
        for _ in range(5):
            self.assertGreater(mapping.work_once(), 0)  # a lock that is held is no failure
        self.assertEqual([entity["published"] for entity in self.entities()], [0, 0])
        for lock in locks:
            self.release(lock)
        self.send([json.dumps({"collection": collection}) for collection in COLLECTIONS])
        with figure("working on them"):
            mapping.work_until(lambda: self.in_queue() == 0)

        for entity in self.entities():
            self.assertEqual(entity["published"], entity["found"] - entity["noise"])
        self.assertEqual(sorted(self.messages("chromadb-delta-dlq")), sorted(self.POISON))
        versions = self.aws.tillite("snapshot", "list")["snapshots"]
        for collection in COLLECTIONS:
            merged = sum(version["deltas_added"] for version in versions if version["collection"] == collection)
            self.assertEqual(merged, deltas[collection], collection)
            print(f"[   FIGURE ] {collection}: {merged} deltas, each merged once; {mapping.calls} calls of the function")
        self.assertEqual(self.aws.refusals(), [])
        self.assertLessEqual({"ReceiveMessage", "DeleteMessageBatch", "SendMessage"}, {
            dict(call)["operation"] for call in self.aws.calls_of_steps() if dict(call)["step"] == "compaction"})

    def everything_is_in_deltas(self):
        """Submits and polls; one run may leave something to the next."""
        for machine in SUBMITTING:
            self.aws.run(machine)
        self.poll_everything()
        return all(entity["in_deltas"] == entity["found"] - entity["noise"] for entity in self.entities())

    def poll_everything(self):
        functions = self.aws.functions_client()

        def is_polled(collection, function):
            pending = self.invoke(functions, "embedding-list-pending", {"collection": collection})["pending_batches"]
            with concurrent.futures.ThreadPoolExecutor(EventSourceMapping.CONCURRENCY) as workers:
                list(workers.map(lambda batch: self.invoke(functions, function, batch), pending))
            return not pending

        for collection, function in (("receipt_lines", "embedding-line-poll"), ("receipt_words", "embedding-word-poll")):
            until(lambda: is_polled(collection, function), f"the end of all batches of {collection}")

    def invoke(self, functions, name, event):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        self.assertNotIn("FunctionError", answer, payload)
        return payload

    def entities(self):
        return self.aws.tillite("status")["entities"]

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

    def hold_the_lock(self, collection):
        """Somebody else publishes: the row as a publisher on another machine writes it."""
        table = self.aws.moto.client("dynamodb")
        key = {"PK": {"S": f"LOCK#{collection}#publish"}, "SK": {"S": "LOCK"}}
        table.put_item(TableName=self.aws.TABLE, Item={
            **key, "TYPE": {"S": "COMPACTION_LOCK"}, "GSI1PK": {"S": f"LOCK#{collection}"}, "GSI1SK": {"S": "PUBLISH"},
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
