"""moto, a stand-in for AWS, as a server of this process: its services, and its interpreter of state machines."""

import collections
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
import uuid

from served_home import clean_environment, until

for folder in ("../support", "../infra"):
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), folder))

try:
    import boto3
    from moto_app import answer, make_server
    from moto.stepfunctions import models
    from moto.stepfunctions.parser import models as parser_models
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from recorded_call import recorded_call
except ImportError as error:
    MISSING = f"python3 has no {error.name}"
else:
    MISSING = "" if shutil.which("aws") else "there is no program aws"

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}


def call_of(environ, buckets):
    """What tests/infra knows of a request."""
    headers = {name: environ.get("HTTP_" + name.replace("-", "_").upper(), "") for name in ("authorization", "x-amz-target")}
    query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return recorded_call(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, environ["wsgi.input"].getvalue(),
                         buckets)


class MotosInterpreter:
    """moto as a server; the functions of its state machines are those that a client of Lambda calls."""

    def __init__(self, functions, buckets=None):
        """`functions()` makes the client. `buckets`: what check_calls.py calls each of them."""
        # Without this the second look at an execution copies all of it, threads included, and fails.
        for module in (models, parser_models):
            module.Execution.__deepcopy__ = lambda execution, memo: execution
        # Its own client of Lambda knows one endpoint only.
        lambda_eval_utils.boto_client_for = lambda region, service, state_credentials=None: functions()
        for noisy in ("moto", "werkzeug"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        self.requests_seen = 0
        self.calls = collections.Counter()  # how often each was made, as (name, value) of its parts
        counting = threading.Lock()

        def recording(environ, start_response):
            call = call_of(environ, buckets or {})
            with counting:
                self.requests_seen += 1
                if call:
                    self.calls[tuple(sorted(call.items()))] += 1
            return answer(environ, start_response)

        self.server = make_server(recording)
        self.serving = threading.Thread(target=self.server.serve_forever)
        self.serving.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.states = self.client("stepfunctions")
        self.post("/moto-api/reset", b"")  # what an earlier one of this process left
        self.post("/moto-api/config", json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode())

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()

    def client(self, service, **credential):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION,
                            **{name.lower(): value for name, value in {**CREDENTIAL, **credential}.items()})

    def environment(self, home, **more):
        """Where AWS's services are, for programs."""
        return clean_environment(home, AWS_ENDPOINT_URL=self.url, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION,
                                 **{**CREDENTIAL, **more})

    def aws(self, *arguments):
        """What the program aws answers, from JSON."""
        ended = subprocess.run(["aws", "--endpoint-url", self.url, "--output", "json", *arguments], capture_output=True,
                               text=True, check=False, env=self.environment(tempfile.gettempdir()))
        if ended.returncode != 0:
            raise AssertionError(f"aws {arguments}: {ended.stderr}")
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    def stop(self):
        self.server.shutdown()
        self.serving.join()
        self.server.server_close()

    def create(self, machine, definition):
        """As somebody would who follows AWS's documentation; the machine's ARN."""
        with tempfile.NamedTemporaryFile("w", suffix=".asl.json") as file:
            file.write(definition)
            file.flush()
            created = self.aws("stepfunctions", "create-state-machine", "--name", machine, "--definition",
                               "file://" + file.name, "--role-arn", ROLE)
        return created["stateMachineArn"]

    def walk(self, machine, definition):
        found = [there["stateMachineArn"] for there in self.states.list_state_machines()["stateMachines"]
                 if there["name"] == machine]
        arn = found[0] if found else self.create(machine, definition)
        execution = self.states.start_execution(stateMachineArn=arn, name=str(uuid.uuid4()), input="{}")["executionArn"]
        ended = until(lambda: (answer := self.states.describe_execution(executionArn=execution))["status"] != "RUNNING"
                      and answer, f"the end of {machine} in moto")
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        output = json.loads(ended["output"]) if ended.get("output") else None
        return outcome(ended["status"], output, ended.get("error"), ended.get("cause"), events)


def outcome(status, output, error, cause, events):
    # The order of events of iterations that run at once is anybody's.
    return {"status": status, "output": output, "error": error, "cause": cause,
            "events": collections.Counter(event["type"] for event in events)}


def program_of_test(usage):
    """The program that a test's one argument names. Ends the test with status 77, skipped, where moto is missing."""
    if len(sys.argv) != 2:
        sys.exit(usage)
    program = os.path.abspath(sys.argv.pop())
    if MISSING:
        print(f"SKIP: {MISSING}")
        sys.exit(77)
    return program
