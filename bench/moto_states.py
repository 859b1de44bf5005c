"""moto_states.py DEFINITION INPUT: runs a state machine in moto's interpreter, as a server and its client do, and prints
how long that took and the server's peak of memory."""

import json
import pathlib
import resource
import sys
import threading
import time

import boto3
import requests
from moto.server import DomainDispatcherApplication, create_backend_app
from moto.stepfunctions import models
from moto.stepfunctions.parser import models as parser_models
from werkzeug.serving import make_server

# Without this the second look at an execution copies all of it, threads included, and fails.
for module in (models, parser_models):
    module.Execution.__deepcopy__ = lambda self, memo: self


def main(definition, text):
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    requests.post(f"{endpoint}/moto-api/config", json={"stepfunctions": {"execute_state_machine": True}}).raise_for_status()
    states = boto3.client("stepfunctions", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="none",
                          aws_secret_access_key="none")
    machine = states.create_state_machine(name="bench", definition=definition, roleArn="arn:aws:iam::123456789012:role/none")
    started = time.monotonic()
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=text)["executionArn"]
    while (answer := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.05)
    seconds = time.monotonic() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    items = len(json.loads(answer["output"])) if answer["status"] == "SUCCEEDED" else answer["status"]
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "output_items": items}))


if __name__ == "__main__":
    main(*(pathlib.Path(file).read_text() for file in sys.argv[1:3]))
