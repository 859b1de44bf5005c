#!/usr/bin/env python3
"""tillite run and tillite workflow on Step Functions: moto's, whose tasks are our bootstrap under tillite lambda-host, and that of
tillite serve.

usage: step_functions.py PROGRAM BOOTSTRAP [Moto | Serve]
What comes of it is compared with a home that the built-in engine has walked. Ends with status 77, which ctest shows as
skipped, where moto is missing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from moto_engine import CREDENTIAL, MISSING, REGION, MotosInterpreter
from served_home import PATIENCE_S, Server, clean_environment, import_sample, until

SKIPPED = 77
PROGRAM = BOOTSTRAP = ""
SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECEIPTS = 4
MACHINES = ["create-batches-sf", "create-word-batches-sf", "poll-store-sf", "poll-word-embeddings-sf"]
NOWHERE = "http://127.0.0.1:9"
WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
FAILING = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Milk.Sour", "Cause": "it stood too long"}}}


class Home:
    """A folder with a home of made-up receipts, the same in each."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory(prefix="tillite-states-")
        test.addClassCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "tillite")
        import_sample(PROGRAM, self.folder, RECEIPTS)
        self.variables = {}

    def command(self, *arguments):
        return [PROGRAM, "--home", self.path, "--json", *arguments]

    def environment(self, **more):
        return clean_environment(self.folder, **{**self.variables, **more})

    def tillite(self, *arguments, status=0, **environment):
        """What the program answers; its standard error if that is how it ends."""
        ended = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False,
                               env=self.environment(**environment))
        if ended.returncode != status:
            raise AssertionError(f"tillite {arguments} ended with status {ended.returncode}: {ended.stderr}")
        return json.loads(ended.stdout) if status == 0 else ended.stderr


class StepFunctions:
    """What both have to do. `on_aws` is a home whose state machines lie there."""

    maxDiff = 2000

    @classmethod
    def set_up(cls):
        cls.alone, cls.on_aws = Home(cls), Home(cls)

    def test_a_run_comes_to_what_the_built_in_engine_comes_to(self):
        there, here = self.on_aws.tillite("run", "--on-aws"), self.alone.tillite("run")
        for entity, same in zip(there["entities"], here["entities"]):
            self.assertGreater(entity["published"], 0)
            for field in ("collection", "found", "noise", "published", "adds_up", "snapshot_vectors", "snapshot_checksum"):
                self.assertEqual(entity[field], same[field], field)
        for field in ("items_found", "items_expected", "items_embedded", "batches_submitted", "tokens_sent", "cost_usd"):
            self.assertEqual(there[field], here[field], field)
        self.assertGreater(there["items_embedded"], 0)

        executions = self.on_aws.tillite("workflow", "list", "--on-aws")["executions"]
        self.assertEqual(sorted({execution["state_machine"] for execution in executions}), MACHINES)
        self.assertEqual({execution["status"] for execution in executions}, {"SUCCEEDED"})
        newest = executions[0]["execution_id"]
        self.assertTrue(newest.startswith("arn:aws:states:"), newest)
        self.assertIn("merge", self.on_aws.tillite("workflow", "describe", newest)["output"])
        events = self.on_aws.tillite("workflow", "history", newest)["events"]
        self.assertEqual((events[0]["id"], events[0]["type"]), (1, "ExecutionStarted"))
        self.assertEqual(events[-1]["type"], "ExecutionSucceeded")
        self.assertTrue(self.on_aws.tillite("run", "--on-aws")["nothing_to_do"])

    def test_an_execution_that_fails_is_the_commands_error_with_its_cause(self):
        self.create("failing", FAILING)
        error = json.loads(self.on_aws.tillite("workflow", "start", "--on-aws", "failing", status=16).splitlines()[-1])
        self.assertEqual(error["message"], "Milk.Sour: it stood too long")

    def test_ctrl_c_ends_the_watching_only(self):
        self.create("waiting", WAITING)
        with tempfile.TemporaryFile("w+") as said:
            watching = subprocess.Popen(self.on_aws.command("workflow", "start", "--on-aws", "waiting"),
                                        stdout=subprocess.DEVNULL, stderr=said, text=True, env=self.on_aws.environment())
            until(lambda: self.running("waiting"), "the execution's start")
            watching.send_signal(signal.SIGINT)
            self.assertEqual(watching.wait(PATIENCE_S), 130)
            said.seek(0)
            message = json.loads(said.read().splitlines()[-1])["message"]
        execution = self.running("waiting")[0]
        self.assertIn(f"tillite workflow resume {execution} watches on, tillite workflow stop {execution} ends it", message)
        self.assertEqual(self.on_aws.tillite("workflow", "describe", execution)["status"], "RUNNING")
        self.assertEqual(self.on_aws.tillite("workflow", "stop", execution)["status"], "ABORTED")
        self.on_aws.tillite("workflow", "resume", execution, status=16)

    def test_what_is_not_there_or_cannot_be_is_named(self):
        self.assertIn("there is no state machine create-teas-sf",
                      self.on_aws.tillite("workflow", "start", "--on-aws", "create-teas-sf", status=5))
        self.assertIn("there is no state machine create-batches-sf-blue", self.on_aws.tillite(
            "workflow", "start", "--on-aws", "create-batches-sf", status=5, TILLITE_MACHINES_SUFFIX="blue"))
        self.assertIn("is a file", self.on_aws.tillite("workflow", "start", "--on-aws", "any.asl.json", status=4))
        execution = f"arn:aws:states:{REGION}:123456789012:execution:create-batches-sf:nobody"
        self.on_aws.tillite("workflow", "resume", execution, status=5)
        self.assertIn("DYNAMODB_TABLE_NAME", self.alone.tillite("run", "--on-aws", status=4, AWS_REGION=REGION))
        for of_the_functions in (["--budget", "1USD"], ["--direct"], ["--shards", "2"]):
            self.assertIn(of_the_functions[0], self.on_aws.tillite("run", "--on-aws", *of_the_functions, status=2))

    def running(self, machine):
        """ARNs of its executions."""
        found = [there["stateMachineArn"] for there in self.client().list_state_machines()["stateMachines"]
                 if there["name"] == machine]
        return [execution["executionArn"] for execution in self.client().list_executions(
            stateMachineArn=found[0], statusFilter="RUNNING")["executions"]]

    def create(self, name, definition):
        self.client().create_state_machine(name=name, definition=json.dumps(definition),
                                           roleArn="arn:aws:iam::123456789012:role/any")


class Moto(StepFunctions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up()
        home = cls.on_aws
        cls.moto = MotosInterpreter(lambda: cls.functions())
        cls.addClassCleanup(cls.moto.stop)
        with open(os.path.join(home.folder, "host.log"), "wb") as log:
            cls.host = subprocess.Popen(home.command("lambda-host", "--port", "0", "--bootstrap", BOOTSTRAP),
                                        stdout=subprocess.PIPE, stderr=log, text=True,
                                        env=home.environment(TMPDIR=home.folder))
        cls.addClassCleanup(cls.stop_host)
        cls.port = json.loads(cls.host.stdout.readline())["port"]
        home.variables = {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_SFN": cls.moto.url, "AWS_REGION": REGION,
                          **CREDENTIAL}
        for machine in MACHINES:
            with open(os.path.join(SOURCES, "workflows", machine + ".asl.json")) as file:
                cls.moto.create(machine, file.read())

    @classmethod
    def functions(cls):
        import boto3
        import botocore.config

        return boto3.client("lambda", endpoint_url=f"http://127.0.0.1:{cls.port}", region_name=REGION,
                            config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=900),
                            **{name.lower(): value for name, value in CREDENTIAL.items()})

    @classmethod
    def stop_host(cls):
        cls.host.send_signal(signal.SIGTERM)
        cls.host.wait(PATIENCE_S)
        cls.host.stdout.close()

    def client(self):
        return self.moto.states

    def test_the_machines_of_a_stack_have_its_suffix(self):
        self.create("create-batches-sf-green", {"StartAt": "Done", "States": {
            "Done": {"Type": "Pass", "Result": {"of": "green"}, "End": True}}})
        ended = self.on_aws.tillite("workflow", "start", "--on-aws", "create-batches-sf", TILLITE_MACHINES_SUFFIX="green")
        self.assertEqual(ended["output"], {"of": "green"})


class Serve(StepFunctions, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up()
        cls.server = Server(PROGRAM, cls.on_aws.folder, "--allow-commands")
        cls.addClassCleanup(cls.server.stop)
        cls.on_aws.variables = {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_SFN": cls.server.url, "AWS_REGION": REGION,
                                **CREDENTIAL}

    def client(self):
        return self.server.client("stepfunctions")

    def test_one_that_failed_is_redriven_and_watched_to_its_end(self):
        mended = os.path.join(self.on_aws.folder, "mended")
        self.create("mendable", {"StartAt": "Look", "States": {
            "Look": {"Type": "Task", "Resource": f"command:test -e {mended}", "End": True}}})
        self.on_aws.tillite("workflow", "start", "--on-aws", "mendable", status=16)
        machine = next(there["stateMachineArn"] for there in self.client().list_state_machines()["stateMachines"]
                       if there["name"] == "mendable")
        execution = self.client().list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]
        with open(mended, "w"):
            pass
        redriven = self.on_aws.tillite("workflow", "redrive", execution)
        self.assertEqual((redriven["status"], redriven["redrives"]), ("SUCCEEDED", 1))
        self.on_aws.tillite("workflow", "redrive", execution, status=6)


def main():
    global PROGRAM, BOOTSTRAP
    PROGRAM, BOOTSTRAP, part = sys.argv[1:4]
    PROGRAM, BOOTSTRAP = os.path.abspath(PROGRAM), os.path.abspath(BOOTSTRAP)
    if MISSING:
        print(f"SKIPPED: {MISSING}, so that tillite could not be tried on Step Functions")
        return SKIPPED
    suite = unittest.defaultTestLoader.loadTestsFromTestCase({"Moto": Moto, "Serve": Serve}[part])
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
