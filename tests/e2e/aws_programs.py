#!/usr/bin/env python3
"""tillite serve, driven by AWS's own programs: aws and boto3.

usage: aws_programs.py PROGRAM
Ends with status 77, which ctest shows as skipped, where aws or boto3 is missing.
"""

import base64
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from served_home import PATIENCE_S, Server, import_sample, until

SKIPPED = 77

try:
    import boto3  # noqa: F401
    import botocore.exceptions
    import botocore.waiter
except ImportError:
    print("SKIPPED: python3 has no boto3, so that AWS's programs could not be tried against tillite serve")
    sys.exit(SKIPPED)
if shutil.which("aws") is None:
    print("SKIPPED: there is no program aws, so that it could not be tried against tillite serve")
    sys.exit(SKIPPED)

PROGRAM = ""


def arn(name):
    return f"arn:aws:states:region:account:stateMachine:{name}"


WAITING_MACHINE = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86400, "End": True}}})
FAILING_MACHINE = json.dumps({
    "StartAt": "Before", "States": {
        "Before": {"Type": "Pass", "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Mine", "Cause": "as the test wants it"}}})
PASSING_MACHINE = json.dumps({
    "StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}}})
ROLE = "arn:aws:iam::123456789012:role/any"


class AwsPrograms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        home = cls.folder.name
        import_sample(PROGRAM, home, 3)
        cls.server = Server(PROGRAM, home)
        cls.states = cls.server.client("stepfunctions")

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        cls.folder.cleanup()
        assert status == 0, f"serve ended with status {status}"

    def succeeded(self, execution):
        """Waits with one of botocore's waiters, as programs do."""
        model = botocore.waiter.WaiterModel({"version": 2, "waiters": {"ExecutionSucceeded": {
            "operation": "DescribeExecution", "delay": 1, "maxAttempts": PATIENCE_S, "acceptors": [
                {"matcher": "path", "argument": "status", "expected": "SUCCEEDED", "state": "success"},
                {"matcher": "path", "argument": "status", "expected": "FAILED", "state": "failure"},
                {"matcher": "path", "argument": "status", "expected": "TIMED_OUT", "state": "failure"},
                {"matcher": "path", "argument": "status", "expected": "ABORTED", "state": "failure"}]}}})
        botocore.waiter.create_waiter_with_client("ExecutionSucceeded", model, self.states).wait(executionArn=execution)

    def machine(self, name, definition, **more):
        return self.states.create_state_machine(name=name, definition=definition, roleArn=ROLE, **more)["stateMachineArn"]

    def test_usage_examples(self):
        """Manual execution and monitoring, as the documentation shows them for AWS."""
        endpoint = "--endpoint-url $AWS_ENDPOINT_URL"
        started = self.server.shell(f"""aws {endpoint} stepfunctions start-execution \\
          --state-machine-arn arn:aws:states:region:account:stateMachine:create-batches-sf \\
          --input '{{}}'""")
        self.assertRegex(started["executionArn"], "^arn:aws:states:region:account:execution:create-batches-sf:")
        self.succeeded(started["executionArn"])

        polled = self.server.aws("stepfunctions", "start-execution", "--state-machine-arn", arn("poll-store-sf"))
        self.succeeded(polled["executionArn"])
        listed = self.server.shell(f"""aws {endpoint} stepfunctions list-executions \\
          --state-machine-arn arn:aws:states:region:account:stateMachine:poll-store-sf""")
        self.assertEqual([execution["executionArn"] for execution in listed["executions"]], [polled["executionArn"]])

        before = self.reports()
        self.server.shell(f"""aws {endpoint} sqs send-message \\
          --queue-url $COMPACTION_QUEUE_URL \\
          --message-body '{{"collection": "receipt_lines"}}'""")
        until(lambda: len(self.reports()) > len(before), "the compaction of a message")
        counts = self.server.client("sqs").get_queue_attributes(
            QueueUrl=self.server.variables["COMPACTION_QUEUE_URL"],
            AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        self.assertEqual(counts["ApproximateNumberOfMessages"], "0")

        found = self.server.shell(f"""aws {endpoint} logs filter-log-events \\
          --log-group-name /aws/lambda/embedding-vector-compact \\
          --filter-pattern "REPORT" """)
        for event in found["events"]:
            self.assertRegex(event["message"], r"^REPORT RequestId: [0-9a-f-]{36}\tDuration: \d+\.\d\d ms\tBilled Duration: "
                                               r"\d+ ms\tMemory Size: 1769 MB\tMax Memory Used: \d+ MB\t\n$")

    def reports(self):
        pages = self.server.client("logs").get_paginator("filter_log_events").paginate(
            logGroupName="/aws/lambda/embedding-vector-compact", filterPattern="REPORT",
            PaginationConfig={"PageSize": 1})
        return [event for page in pages for event in page["events"]]

    def test_execution_is_described_with_its_history(self):
        machine = self.machine("passing", PASSING_MACHINE)
        started = self.server.aws("stepfunctions", "start-execution", "--state-machine-arn", machine, "--name", "one",
                                  "--input", "'{\"z\": [1.0], \"a\": \"ä\"}'")
        self.succeeded(started["executionArn"])
        described = self.server.aws("stepfunctions", "describe-execution", "--execution-arn", started["executionArn"])
        self.assertEqual(described["status"], "SUCCEEDED")
        self.assertEqual(json.loads(described["output"]), {"z": [1.0], "a": "ä"})
        self.assertEqual(described["stateMachineArn"], machine)
        history = self.server.aws("stepfunctions", "get-execution-history", "--execution-arn", started["executionArn"])
        self.assertEqual([event["type"] for event in history["events"]],
                         ["ExecutionStarted", "PassStateEntered", "PassStateExited", "PassStateEntered",
                          "PassStateExited", "ExecutionSucceeded"])
        self.assertEqual(json.loads(history["events"][1]["stateEnteredEventDetails"]["input"]), {"z": [1.0], "a": "ä"})
        pages = self.states.get_paginator("get_execution_history").paginate(
            executionArn=started["executionArn"], reverseOrder=True, PaginationConfig={"PageSize": 4})
        self.assertEqual([event["id"] for page in pages for event in page["events"]], [6, 5, 4, 3, 2, 1])
        asked = self.states.describe_state_machine_for_execution(executionArn=started["executionArn"])
        self.assertEqual(asked["definition"], PASSING_MACHINE)

    def test_execution_is_stopped_and_redriven(self):
        machine = self.machine("waiting", WAITING_MACHINE)
        execution = self.states.start_execution(stateMachineArn=machine, name="e")["executionArn"]
        again = self.states.start_execution(stateMachineArn=machine, name="e")
        self.assertEqual(again["executionArn"], execution)
        with self.assertRaises(self.states.exceptions.ExecutionAlreadyExists):
            self.states.start_execution(stateMachineArn=machine, name="e", input='{"another": 1}')
        with self.assertRaises(self.states.exceptions.ExecutionNotRedrivable):
            self.states.redrive_execution(executionArn=execution)
        status = lambda: self.states.describe_execution(executionArn=execution)["status"]
        self.server.aws("stepfunctions", "stop-execution", "--execution-arn", execution, "--error", "Mine", "--cause", "why")
        until(lambda: status() == "ABORTED", "the end of a stopped execution")
        stopped = self.states.describe_execution(executionArn=execution)
        self.assertEqual((stopped["error"], stopped["cause"], stopped["redriveStatus"]), ("Mine", "why", "REDRIVABLE"))
        self.server.aws("stepfunctions", "redrive-execution", "--execution-arn", execution)
        until(lambda: status() == "RUNNING", "a redriven execution")
        self.assertEqual(self.states.describe_execution(executionArn=execution)["redriveCount"], 1)
        self.states.stop_execution(executionArn=execution)
        until(lambda: status() == "ABORTED", "the second end")

    def test_failures_are_told(self):
        machine = self.machine("failing", FAILING_MACHINE)
        execution = self.states.start_execution(stateMachineArn=machine)["executionArn"]
        with self.assertRaises(botocore.exceptions.WaiterError):
            self.succeeded(execution)
        described = self.states.describe_execution(executionArn=execution)
        self.assertEqual((described["error"], described["cause"]), ("Mine", "as the test wants it"))

    def test_executions_and_machines_are_paged(self):
        machine = self.machine("paged", PASSING_MACHINE)
        started = [self.states.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(5)]
        pages = list(self.states.get_paginator("list_executions").paginate(stateMachineArn=machine,
                                                                          PaginationConfig={"PageSize": 2}))
        self.assertEqual([execution["executionArn"] for page in pages for execution in page["executions"]], started[::-1])
        pages = self.states.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
        names = {machine["name"] for page in pages for machine in page["stateMachines"]}
        self.assertLessEqual({"create-batches-sf", "create-word-batches-sf", "poll-store-sf", "poll-word-embeddings-sf",
                              "paged"}, names)

    def test_machines_are_changed_and_deleted(self):
        machine = self.machine("changed", PASSING_MACHINE)
        self.assertEqual(self.machine("changed", PASSING_MACHINE), machine, "the same once more is no error")
        with self.assertRaises(self.states.exceptions.StateMachineAlreadyExists):
            self.machine("changed", FAILING_MACHINE)
        self.states.update_state_machine(stateMachineArn=machine, definition=FAILING_MACHINE)
        self.assertEqual(self.states.describe_state_machine(stateMachineArn=machine)["definition"], FAILING_MACHINE)
        self.states.delete_state_machine(stateMachineArn=machine)
        with self.assertRaises(self.states.exceptions.StateMachineDoesNotExist):
            self.states.describe_state_machine(stateMachineArn=machine)
        with self.assertRaises(self.states.exceptions.InvalidDefinition):
            self.machine("bad", '{"StartAt": "Nowhere", "States": {}}')
        with self.assertRaises(self.states.exceptions.InvalidName):
            self.machine("a b", PASSING_MACHINE)
        good = self.states.validate_state_machine_definition(definition=PASSING_MACHINE)
        bad = self.states.validate_state_machine_definition(definition="{}")
        self.assertEqual((good["result"], bad["result"]), ("OK", "FAIL"))
        self.assertTrue(bad["diagnostics"])

    def test_synchronous_executions(self):
        machine = self.machine("express", PASSING_MACHINE, type="EXPRESS")
        ended = self.states.start_sync_execution(stateMachineArn=machine, input='{"a": 1}')
        self.assertEqual((ended["status"], json.loads(ended["output"])), ("SUCCEEDED", {"a": 1}))
        ended = self.server.aws("stepfunctions", "start-sync-execution", "--state-machine-arn", machine)
        self.assertEqual(ended["status"], "SUCCEEDED")

    def test_activities(self):
        activity = self.states.create_activity(name="by-hand")["activityArn"]
        definition = json.dumps({"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Resource": activity, "TimeoutSeconds": 600, "HeartbeatSeconds": 300, "End": True}}})
        machine = self.machine("with-activity", definition)
        execution = self.states.start_execution(stateMachineArn=machine, input='{"n": 20}')["executionArn"]
        task = self.server.aws("stepfunctions", "get-activity-task", "--activity-arn", activity, "--worker-name", "me")
        self.assertEqual(json.loads(task["input"]), {"n": 20})
        self.states.send_task_heartbeat(taskToken=task["taskToken"])
        self.states.send_task_success(taskToken=task["taskToken"], output='{"n": 21}')
        self.succeeded(execution)
        self.assertEqual(json.loads(self.states.describe_execution(executionArn=execution)["output"]), {"n": 21})
        with self.assertRaises(self.states.exceptions.TaskTimedOut):
            self.states.send_task_success(taskToken=task["taskToken"], output="{}")

    def test_errors_have_their_classes(self):
        with self.assertRaises(self.states.exceptions.StateMachineDoesNotExist):
            self.states.start_execution(stateMachineArn=arn("no-such-machine"))
        with self.assertRaises(self.states.exceptions.ExecutionDoesNotExist):
            self.states.describe_execution(executionArn="arn:aws:states:r:a:execution:create-batches-sf:none")
        with self.assertRaises(self.states.exceptions.InvalidArn):
            self.states.describe_state_machine(stateMachineArn="create-batches-sf")
        with self.assertRaises(self.states.exceptions.InvalidExecutionInput):
            self.states.start_execution(stateMachineArn=arn("create-batches-sf"), input="{")
        sqs = self.server.client("sqs")
        with self.assertRaises(sqs.exceptions.QueueDoesNotExist):
            sqs.get_queue_url(QueueName="other")
        logs = self.server.client("logs")
        with self.assertRaises(logs.exceptions.ResourceNotFoundException):
            logs.filter_log_events(logGroupName="/aws/lambda/other")
        with self.assertRaises(logs.exceptions.InvalidParameterException):
            logs.filter_log_events(logGroupName="/aws/lambda/embedding-line-find", filterPattern="{ $.a = 1 }")


class Functions(unittest.TestCase):
    """The pipeline's steps as functions of Lambda."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        import_sample(PROGRAM, cls.folder.name, 2)
        cls.server = Server(PROGRAM, cls.folder.name)
        cls.functions = cls.server.client("lambda")

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        cls.folder.cleanup()
        assert status == 0, f"serve ended with status {status}"

    def test_a_step_is_invoked_and_logs(self):
        answer = self.functions.invoke(FunctionName="embedding-line-find", LogType="Tail", Payload=b"{}")
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"))
        self.assertNotIn("FunctionError", answer)
        found = json.load(answer["Payload"])
        self.assertGreater(found["items_total"], 0)
        identity = answer["ResponseMetadata"]["RequestId"]
        tail = base64.b64decode(answer["LogResult"]).decode()
        self.assertRegex(tail, rf"^START RequestId: {identity} Version: \$LATEST\n")
        self.assertIn(f"REPORT RequestId: {identity}\tDuration: ", tail)
        logged = self.server.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/embedding-line-find",
                                 "--filter-pattern", f"'\"{identity}\"'")
        self.assertEqual("".join(event["message"] for event in logged["events"]), tail)

    def test_the_program_aws_invokes(self):
        answer = os.path.join(self.folder.name, "answer.json")
        invoked = self.server.aws(
            "lambda", "invoke", "--function-name",
            "arn:aws:lambda:us-east-1:123456789012:function:embedding-list-pending", "--qualifier", "'$LATEST'",
            "--cli-binary-format raw-in-base64-out" if self.is_second_aws() else "",
            "--payload", "'{\"collection\": \"receipt_lines\"}'", answer)
        self.assertEqual((invoked["StatusCode"], invoked["ExecutedVersion"]), (200, "$LATEST"))
        with open(answer) as file:
            self.assertEqual(json.load(file)["collection"], "receipt_lines")

    def is_second_aws(self):
        """Its payloads are in base64 if nothing else is said."""
        return self.server.text("aws --version").startswith("aws-cli/2")

    def test_a_function_that_fails_says_why(self):
        answer = self.functions.invoke(FunctionName="embedding-vector-compact", Payload=b'{"operation": "none"}')
        self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
        failure = json.load(answer["Payload"])
        self.assertEqual(failure["errorType"], "Tillite.InvalidInput")
        self.assertIn("'none' is not known", failure["errorMessage"])

    def test_events_and_dry_runs(self):
        accepted = self.functions.invoke(FunctionName="embedding-mark-complete", InvocationType="Event",
                                         Payload=b'{"collection": "receipt_lines"}')
        self.assertEqual((accepted["StatusCode"], accepted["Payload"].read()), (202, b""))
        identity = accepted["ResponseMetadata"]["RequestId"]
        logs = self.server.client("logs")
        until(lambda: logs.filter_log_events(logGroupName="/aws/lambda/embedding-mark-complete",
                                             filterPattern=f'REPORT "{identity}"')["events"], "the run of an event")
        dry = self.functions.invoke(FunctionName="embedding-mark-complete", InvocationType="DryRun")
        self.assertEqual((dry["StatusCode"], dry["Payload"].read()), (204, b""))

    def test_functions_are_listed(self):
        listed = self.server.aws("lambda", "list-functions")["Functions"]
        names = [function["FunctionName"] for function in listed]
        self.assertEqual((len(names), names), (10, sorted(names)))
        pages = self.functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3})
        self.assertEqual([function["FunctionName"] for page in pages for function in page["Functions"]], names)
        described = self.functions.get_function(FunctionName="embedding-vector-compact")["Configuration"]
        self.assertEqual((described["PackageType"], described["MemorySize"], described["Timeout"]), ("Image", 1769, 900))
        self.functions.get_waiter("function_active_v2").wait(FunctionName="embedding-vector-compact")

    def test_errors_have_their_classes(self):
        with self.assertRaises(self.functions.exceptions.ResourceNotFoundException) as raised:
            self.functions.invoke(FunctionName="other")
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 404)
        self.assertEqual(raised.exception.response["Error"]["Message"],
                         "Function not found: arn:aws:lambda:us-east-1:000000000000:function:other")
        with self.assertRaises(self.functions.exceptions.InvalidRequestContentException):
            self.functions.invoke(FunctionName="embedding-line-find", Payload=b"{")
        with self.assertRaises(self.functions.exceptions.RequestTooLargeException) as raised:
            self.functions.invoke(FunctionName="embedding-line-find", Payload=b'"' + b"x" * (6 << 20) + b'"')
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 413)


class TasksOfServices(unittest.TestCase):
    """Tasks that use the services of this server, and map runs that are changed under way."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tillite-aws-tasks-")
        cls.server = Server(PROGRAM, cls.folder.name, "--no-compaction")
        cls.states = cls.server.client("stepfunctions")
        cls.machine("passing", PASSING_MACHINE)
        cls.machine("waiting", WAITING_MACHINE)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        cls.folder.cleanup()
        assert status == 0, f"serve ended with status {status}"

    @classmethod
    def machine(cls, name, definition):
        definition = definition if isinstance(definition, str) else json.dumps(definition)
        return cls.states.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]

    def start(self, name, task):
        """An execution of a machine with one task."""
        state = {"Type": "Task", "End": True, **task}
        machine = self.machine(name, {"StartAt": "T", "States": {"T": state}})
        return self.states.start_execution(stateMachineArn=machine)["executionArn"]

    def ended(self, execution):
        described = lambda: self.states.describe_execution(executionArn=execution)
        until(lambda: described()["status"] != "RUNNING", "the end of an execution")
        return described()

    def test_an_execution_waits_for_another(self):
        execution = self.start("starter", {
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": arn("passing"), "Name": "child", "Input": {"n": 1}}})
        described = self.ended(execution)
        self.assertEqual(described["status"], "SUCCEEDED", described)
        output = json.loads(described["output"])
        self.assertEqual((output["Name"], output["Output"], output["Status"]), ("child", {"n": 1}, "SUCCEEDED"))
        child = self.states.describe_execution(executionArn=output["ExecutionArn"])
        self.assertEqual(child["status"], "SUCCEEDED")
        history = self.states.get_execution_history(executionArn=execution)["events"]
        self.assertEqual([event["type"] for event in history][2:6],
                         ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"])
        self.assertEqual(history[4]["taskSubmittedEventDetails"]["resource"], "startExecution.sync:2")

    def test_stopping_an_execution_stops_the_one_that_it_waits_for(self):
        execution = self.start("patient", {
            "Resource": "arn:aws:states:::states:startExecution.sync",
            "Parameters": {"StateMachineArn": arn("waiting"), "Name": "stopped"}})
        child = "arn:aws:states:us-east-1:000000000000:execution:waiting:stopped"
        def runs():
            try:
                return self.states.describe_execution(executionArn=child)["status"] == "RUNNING"
            except self.states.exceptions.ExecutionDoesNotExist:
                return False
        until(runs, "the start of an execution")
        self.states.stop_execution(executionArn=execution)
        self.assertEqual(self.ended(child)["status"], "ABORTED")

    def test_a_task_sends_a_message_with_its_token(self):
        url = self.server.variables["COMPACTION_QUEUE_URL"]
        execution = self.start("sender", {
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": url, "MessageBody": {"TaskToken.$": "$$.Task.Token"}}})
        sqs = self.server.client("sqs")
        message = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), "a message")[0]
        self.states.send_task_success(taskToken=json.loads(message["Body"])["TaskToken"], output='"taken"')
        self.assertEqual(json.loads(self.ended(execution)["output"]), "taken")
        history = self.states.get_execution_history(executionArn=execution)["events"]
        submitted = json.loads(next(event for event in history if event["type"] == "TaskSubmitted")
                               ["taskSubmittedEventDetails"]["output"])
        self.assertEqual((submitted["MessageId"], submitted["SdkHttpMetadata"]["HttpStatusCode"]), (message["MessageId"], 200))

    def test_the_sdk_of_step_functions_is_a_task_too(self):
        execution = self.start("sdk", {
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeStateMachine",
            "Parameters": {"StateMachineArn": arn("passing")}})
        self.assertEqual(json.loads(self.ended(execution)["output"])["Definition"], PASSING_MACHINE)
        failed = self.ended(self.start("sdk-fails", {
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeStateMachine",
            "Parameters": {"StateMachineArn": arn("no-such")}}))
        self.assertEqual(failed["error"], "Sfn.StateMachineDoesNotExistException")

    def test_a_map_run_is_changed_under_way(self):
        activity = self.states.create_activity(name="map-work")["activityArn"]
        machine = self.machine("mapping", {"StartAt": "M", "States": {"M": {
            "Type": "Map", "Label": "M", "MaxConcurrency": 1, "End": True, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "W", "States": {"W": {"Type": "Task", "Resource": activity, "End": True}}}}}})
        execution = self.states.start_execution(stateMachineArn=machine, input="[1,2,3]")["executionArn"]
        run = until(lambda: self.states.list_map_runs(executionArn=execution)["mapRuns"], "a map run")[0]["mapRunArn"]
        children = lambda: len(self.states.list_executions(mapRunArn=run)["executions"])
        until(lambda: children() == 1, "the first child")
        self.server.aws("stepfunctions", "update-map-run", "--map-run-arn", run, "--max-concurrency", "3")
        until(lambda: children() == 3, "all children at once")
        self.states.update_map_run(mapRunArn=run, toleratedFailurePercentage=50.0)
        described = self.states.describe_map_run(mapRunArn=run)
        self.assertEqual((described["maxConcurrency"], described["toleratedFailurePercentage"]), (3, 50.0))
        for failing in (True, False, False):
            token = self.states.get_activity_task(activityArn=activity)["taskToken"]
            if failing:
                self.states.send_task_failure(taskToken=token, error="Mine")
            else:
                self.states.send_task_success(taskToken=token, output="1")
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")

    def test_a_task_is_tested_by_running_it(self):
        url = self.server.variables["COMPACTION_QUEUE_URL"].replace("-queue", "-dlq")
        tested = self.states.test_state(roleArn=ROLE, definition=json.dumps({
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
            "Parameters": {"QueueUrl": url, "MessageBody": "tested"}}))
        self.assertEqual(tested["status"], "SUCCEEDED", tested)
        received = self.server.client("sqs").receive_message(QueueUrl=url)["Messages"][0]
        self.assertEqual((received["MessageId"], received["Body"]), (json.loads(tested["output"])["MessageId"], "tested"))


class Queues(unittest.TestCase):
    """The queue itself: nobody works on its messages here."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tillite-aws-")
        self.server = Server(PROGRAM, self.folder.name, "--no-compaction")
        self.sqs = self.server.client("sqs")
        self.url = self.server.variables["COMPACTION_QUEUE_URL"]

    def tearDown(self):
        status = self.server.stop()
        self.folder.cleanup()
        self.assertEqual(status, 0)

    def test_messages(self):
        attributes = {"kind": {"DataType": "String", "StringValue": "manual"},
                      "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
        sent = self.sqs.send_message(QueueUrl=self.url, MessageBody="grüße & <more>", MessageAttributes=attributes)
        received = self.sqs.receive_message(QueueUrl=self.url, AttributeNames=["All"], MessageAttributeNames=["All"])
        message = received["Messages"][0]  # botocore has compared the MD5
        self.assertEqual((message["MessageId"], message["Body"]), (sent["MessageId"], "grüße & <more>"))
        self.assertEqual(message["MessageAttributes"], attributes)
        self.assertEqual(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
        self.assertEqual(message["Attributes"]["ApproximateReceiveCount"], "1")
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        message = self.server.aws("sqs", "receive-message", "--queue-url", "$COMPACTION_QUEUE_URL")["Messages"][0]
        self.server.aws("sqs", "delete-message", "--queue-url", "$COMPACTION_QUEUE_URL", "--receipt-handle",
                        message["ReceiptHandle"])
        counts = self.server.aws("sqs", "get-queue-attributes", "--queue-url", "$COMPACTION_QUEUE_URL",
                                 "--attribute-names", "All")["Attributes"]
        self.assertEqual((counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]),
                         ("0", "0"))

    def test_batches(self):
        entries = [{"Id": str(i), "MessageBody": f"message {i}"} for i in range(10)]
        sent = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        self.assertEqual(len(sent["Successful"]), 10)
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)["Messages"]
        self.assertEqual(len(messages), 10)
        handles = [{"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages]
        removed = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=handles)
        self.assertEqual(len(removed["Successful"]), 10)

    def test_receiver_waits(self):
        threading.Timer(0.3, lambda: self.sqs.send_message(QueueUrl=self.url, MessageBody="late")).start()
        received = self.server.client("sqs").receive_message(QueueUrl=self.url, WaitTimeSeconds=20)
        self.assertEqual(received["Messages"][0]["Body"], "late")

    def test_a_waiting_receiver_does_not_hinder_the_end(self):
        ended = []
        waiting = threading.Thread(target=lambda: ended.append(
            self.server.client("sqs").receive_message(QueueUrl=self.url, WaitTimeSeconds=20)))
        waiting.start()
        time.sleep(0.3)
        self.assertEqual(self.server.stop(), 0)
        waiting.join()
        self.assertNotIn("Messages", ended[0])
        self.server = Server(PROGRAM, self.folder.name)

    def ask(self, path="/", **form):
        """A request of SQS's older protocol; its answer without the name space."""
        request = urllib.request.Request(self.server.url + path, urllib.parse.urlencode(form).encode())
        try:
            text = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
        return ElementTree.fromstring(re.sub(' xmlns="[^"]+"', "", text))

    def test_older_protocol(self):
        body = '{"collection": "receipt_lines"} & <more>'
        path = urllib.parse.urlparse(self.url).path
        sent = self.ask(path, Action="SendMessage", Version="2012-11-05", MessageBody=body, **{
            "MessageAttribute.1.Name": "kind", "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "manual"})
        identity = sent.findtext("SendMessageResult/MessageId")
        received = self.ask(Action="ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages="10",
                            **{"AttributeName.1": "All", "MessageAttributeName.1": "All"})
        message = received.find("ReceiveMessageResult/Message")
        self.assertEqual((message.findtext("MessageId"), message.findtext("Body")), (identity, body))
        self.assertEqual(message.findtext("MessageAttribute/Value/StringValue"), "manual")
        attributes = {entry.findtext("Name"): entry.findtext("Value") for entry in message.findall("Attribute")}
        self.assertEqual(attributes["ApproximateReceiveCount"], "1")
        removed = self.ask(Action="DeleteMessageBatch", QueueUrl=self.url, **{
            "DeleteMessageBatchRequestEntry.1.Id": "a",
            "DeleteMessageBatchRequestEntry.1.ReceiptHandle": message.findtext("ReceiptHandle")})
        self.assertEqual(removed.findtext("DeleteMessageBatchResult/DeleteMessageBatchResultEntry/Id"), "a")
        refused = self.ask(Action="GetQueueUrl", QueueName="other")
        self.assertEqual(refused.findtext("Error/Code"), "AWS.SimpleQueueService.NonExistentQueue")


class Signatures(unittest.TestCase):
    def test_requests_must_be_signed_with_the_configured_credential(self):
        with tempfile.TemporaryDirectory(prefix="tillite-aws-") as folder:
            server = Server(PROGRAM, folder, AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="s3cr3t/+")
            try:
                self.assertTrue(server.aws("sqs", "list-queues")["QueueUrls"])
                right = dict(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="s3cr3t/+")
                for service, call in (("sqs", "list_queues"), ("stepfunctions", "list_state_machines"),
                                      ("logs", "describe_log_groups"), ("lambda", "list_functions")):
                    getattr(server.client(service, **right), call)()
                    for wrong, code in ((dict(right, aws_secret_access_key="x"), "InvalidSignatureException"),
                                        (dict(right, aws_access_key_id="x"), "UnrecognizedClientException"),
                                        (dict(right, aws_session_token="x"), "UnrecognizedClientException")):
                        with self.assertRaises(botocore.exceptions.ClientError) as raised:
                            getattr(server.client(service, **wrong), call)()
                        self.assertEqual(raised.exception.response["Error"]["Code"], code)
                # Of an ARN in the path each colon is encoded, and once more where it is signed.
                server.client("lambda", **right).invoke(
                    FunctionName="arn:aws:lambda:us-east-1:1:function:embedding-mark-complete", InvocationType="DryRun",
                    Qualifier="$LATEST")
            finally:
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
