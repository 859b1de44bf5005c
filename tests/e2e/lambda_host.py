#!/usr/bin/env python3
"""Our bootstrap under tillite lambda-host, called as Lambda's functions are.

usage: lambda_host.py PROGRAM BOOTSTRAP (Steps | Aws | Peer)
Steps: by plain HTTP, and the whole pipeline. Aws: by the program aws. Peer: a function on AWS's own runtime client.
Ends with status 77, which ctest shows as skipped, where aws or that client is missing.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from served_home import PATIENCE_S, clean_environment, import_sample, until

SKIPPED = 77
PROGRAM = ""
BOOTSTRAP = ""
TOOLS = os.environ.get("TILLITE_TOOLS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/tools"))
PEER = os.path.join(TOOLS, "aws-lambda-ric", "peer")
EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../unit/lambda/events")


class Host:
    """tillite lambda-host on a free port, over the folder's home."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.home = os.path.join(folder, "tillite")
        self.log_name = os.path.join(folder, "host.log")
        with open(self.log_name, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--json", "--home", self.home, "lambda-host", "--port", "0", "--bootstrap", BOOTSTRAP, *options],
                stdout=subprocess.PIPE, stderr=log, env=clean_environment(folder, TMPDIR=folder), text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"lambda-host ended: {self.log()}")
        self.variables = json.loads(line)["environment"]
        self.url = self.variables["AWS_ENDPOINT_URL_LAMBDA"]

    def log(self):
        with open(self.log_name, encoding="utf-8") as log:
            return log.read()

    def invoke(self, function, event, **headers):
        """Status, headers and the answer, from JSON if it is any."""
        request = urllib.request.Request(
            f"{self.url}/2015-03-31/functions/{function}/invocations", method="POST", data=json.dumps(event).encode(),
            headers={name.replace("_", "-"): value for name, value in headers.items()})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE_S) as answer:
                text = answer.read()
                return answer.status, answer.headers, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read())

    def tillite(self, *arguments, **environment):
        ended = subprocess.run([PROGRAM, "--json", "--home", self.home, *arguments], capture_output=True, text=True,
                               check=False, env=clean_environment(self.folder, **environment))
        if ended.returncode != 0:
            raise AssertionError(f"tillite {arguments}: {ended.stderr}")
        return json.loads(ended.stdout)

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            own = children.read().split()
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/children", encoding="ascii") as children:
                    own += children.read().split()
            except FileNotFoundError:
                pass
        return {int(pid) for pid in own}

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return status


class HostedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tillite-lambda-")
        self.addCleanup(self.folder.cleanup)
        import_sample(PROGRAM, self.folder.name, 6)
        self.host = Host(self.folder.name, *self.options())
        self.addCleanup(self.host.stop)

    def options(self):
        return ()


class Steps(HostedTest):
    def test_a_step_answers_and_its_process_is_kept(self):
        status, headers, found = self.host.invoke("embedding-line-find", {"execution": "x"}, X_Amz_Log_Type="Tail")
        self.assertEqual(status, 200, found)
        self.assertNotIn("X-Amz-Function-Error", headers)
        self.assertGreater(found["items_total"], 0)
        log = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
        self.assertIn("START RequestId: ", log)
        self.assertIn("Init Duration: ", log)
        metrics = next(json.loads(line) for line in log.splitlines() if '"_aws"' in line)
        self.assertEqual(metrics["Items"], found["items_total"])
        self.assertEqual(metrics["execution"], "x")
        _, headers, again = self.host.invoke("embedding-line-find", {"execution": "x"}, X_Amz_Log_Type="Tail")
        self.assertEqual(again["batches"], found["batches"])
        self.assertNotIn("Init Duration: ", base64.b64decode(headers["X-Amz-Log-Result"]).decode())

    def test_an_error_has_the_name_that_state_machines_match(self):
        for function in ("embedding-vector-compact", "arn:aws:lambda:us-east-1:123456789012:function:embedding-vector-compact"):
            status, headers, failure = self.host.invoke(function, {"operation": "none"})
            self.assertEqual((status, headers["X-Amz-Function-Error"]), (200, "Unhandled"))
            self.assertEqual(failure["errorType"], "Tillite.InvalidInput")

    def test_each_caller_gets_the_answer_that_it_expects(self):
        queue = {"Records": [{"messageId": "m-1", "body": "no json", "eventSource": "aws:sqs"},
                             {"messageId": "m-2", "body": '{"collection": "receipt_lines"}', "eventSource": "aws:sqs"}]}
        _, _, answer = self.host.invoke("embedding-vector-compact", queue)
        self.assertEqual(answer, {"batchItemFailures": [{"itemIdentifier": "m-1"}]})
        _, _, answer = self.host.invoke("embedding-list-pending", {
            "httpMethod": "GET", "body": None, "queryStringParameters": {"collection": "receipt_lines"}})
        self.assertEqual(answer["statusCode"], 200, answer)
        self.assertEqual(json.loads(answer["body"])["pending_batches"], [])
        _, _, answer = self.host.invoke("embedding-list-pending", {"requestContext": {"http": {"method": "POST"}}, "body": "{"})
        self.assertEqual(answer["statusCode"], 400, answer)
        self.assertEqual(json.loads(answer["body"])["error"], "Tillite.InvalidInput")

    def test_events_of_awss_shape_get_what_their_senders_expect(self):
        def send(function, event):
            with open(os.path.join(EVENTS, event + ".json"), encoding="utf-8") as file:
                _, headers, answer = self.host.invoke(function, json.load(file))
            return headers.get("X-Amz-Function-Error"), answer

        self.assertEqual(send("embedding-vector-compact", "queue"), (None, {"batchItemFailures": []}))
        _, answer = send("embedding-list-pending", "http_gateway_get")
        self.assertEqual((answer["statusCode"], json.loads(answer["body"])["pending_batches"]), (200, []))
        # The others poll a batch that is none: a gateway's caller hears of it, and so does a state machine's Retry.
        for gateway in ("http_gateway", "rest_gateway"):
            failed, answer = send("embedding-line-poll", gateway)
            self.assertEqual((failed, answer["statusCode"]), (None, 404), answer)
            self.assertEqual(json.loads(answer["body"])["error"], "Tillite.NotFound")
        for caller in ("state_machine", "direct"):
            failed, answer = send("embedding-line-poll", caller)
            self.assertEqual((failed, answer["errorType"]), ("Unhandled", "Tillite.NotFound"), answer)

    def test_an_event_is_taken_and_run_later(self):
        status, _, answer = self.host.invoke("embedding-list-pending", {"collection": "receipt_lines"},
                                             X_Amz_Invocation_Type="Event")
        self.assertEqual((status, answer), (202, None))
        until(lambda: "REPORT RequestId: " in self.host.log(), "the end of the event's invocation")

    def test_the_whole_pipeline_runs_in_functions(self):
        self.host.tillite("run", **self.host.variables)
        for entity in self.host.tillite("status")["entities"]:
            self.assertTrue(entity["adds_up"], entity)
            self.assertGreater(entity["published"], 0, entity)
        with tempfile.TemporaryDirectory(prefix="tillite-lambda-") as other:
            import_sample(PROGRAM, other, 6)
            here = Host.__new__(Host)
            here.folder, here.home = other, os.path.join(other, "tillite")
            here.tillite("run")
            self.assertEqual([entity["snapshot_checksum"] for entity in self.host.tillite("status")["entities"]],
                             [entity["snapshot_checksum"] for entity in here.tillite("status")["entities"]],
                             "the same steps in one process come to the same vectors")
        for function in ("embedding-word-submit", "embedding-word-poll", "embedding-mark-complete"):
            self.assertIn(f'"FunctionName":"{function}"', self.host.log())

    def test_processes_end_with_their_host_and_leave_nothing(self):
        self.host.invoke("embedding-list-pending", {"collection": "receipt_lines"})
        children = self.host.children()
        self.assertEqual(len(children), 1)
        self.assertEqual(self.host.stop(), 0)
        for child in children:
            self.assertFalse(os.path.exists(f"/proc/{child}"))
        self.assertEqual(os.listdir(os.path.join(self.folder.name, f"tillite-lambda-host-{os.getuid()}")), [])


class StepThatIsNone(HostedTest):
    def options(self):
        functions = os.path.join(self.folder.name, "functions.json")
        with open(functions, "w", encoding="utf-8") as file:
            json.dump({"functions": [
                {"name": "nameless", "command": [BOOTSTRAP]},
                {"name": "unknown", "command": [BOOTSTRAP], "environment": {"HANDLER_TYPE": "embed"}},
                {"name": "loud", "command": [BOOTSTRAP],
                 "environment": {"HANDLER_TYPE": "list_pending", "LOG_LEVEL": "LOUD"}}]}, file)
        return ("--functions", functions)

    def test_what_cannot_become_a_function_says_why(self):
        for function, reason in (("nameless", "HANDLER_TYPE is missing: set it to one of find_unembedded, "),
                                 ("unknown", "HANDLER_TYPE is 'embed': set it to one of find_unembedded, "),
                                 ("loud", "LOG_LEVEL")):
            _, headers, failure = self.host.invoke(function, {})
            self.assertEqual(headers["X-Amz-Function-Error"], "Unhandled")
            self.assertIn(failure["errorType"], ("Tillite.InvalidInput", "Tillite.Usage"), failure)
            self.assertIn(reason, failure["errorMessage"])


class Settings(unittest.TestCase):
    """What a function's variables say changes what it does."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="tillite-lambda-"))
        import_sample(PROGRAM, self.folder, 2)

    def host(self, **variables):
        host = Host(self.folder, *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")))
        self.addCleanup(host.stop)
        return host

    def result(self, host, function, event):
        _, headers, answer = host.invoke(function, event)
        self.assertNotIn("X-Amz-Function-Error", headers, answer)
        return answer

    def collect(self, host, entity="line"):
        """Takes lines or words to the provider and their vectors into deltas; how many those are."""
        batches = self.result(host, f"embedding-{entity}-find", {})["batches"]
        for batch in batches:
            self.result(host, f"embedding-{entity}-submit", batch)
        for batch in batches:
            until(lambda: self.result(host, f"embedding-{entity}-poll", {"batch_id": batch["batch_id"]}).get("delta_id"),
                  "the batch's vectors")
        return len(batches)

    def told(self, host):
        """The messages of the queue."""
        return [json.loads(message["body"]) for message in host.tillite("queue", "list")["messages"]]

    def test_a_poll_tells_the_queue_of_its_delta(self):
        host = self.host()
        self.collect(host)
        self.assertEqual([message["collection"] for message in self.told(host)], ["receipt_lines"])

    def test_a_poll_that_is_to_skip_it_tells_nobody(self):
        host = self.host(SKIP_SQS_NOTIFICATION="true")
        self.collect(host)
        self.assertEqual(self.told(host), [])

    def merges(self, **variables):
        """Whether a message of one small delta has it merged."""
        host = self.host(**variables)
        self.collect(host)
        messages = self.told(host)
        record = {"messageId": "m-1", "body": json.dumps(messages[0]), "eventSource": "aws:sqs"}
        self.assertEqual(self.result(host, "embedding-vector-compact", {"Records": [record]}), {"batchItemFailures": []})
        return host.tillite("status")["entities"][0]["snapshot_vectors"] > 0

    def test_a_small_delta_waits_for_others(self):
        self.assertFalse(self.merges())

    def test_a_delta_is_merged_where_one_is_enough(self):
        self.assertTrue(self.merges(COMPACTION_MIN_DELTAS="1"))

    def test_a_delta_is_merged_where_its_bytes_are_enough(self):
        self.assertTrue(self.merges(COMPACTION_MIN_BYTES="1"))

    def test_a_delta_is_merged_where_its_age_is_enough(self):
        host = self.host(COMPACTION_MAX_AGE_SECONDS="1")
        self.collect(host)
        record = {"messageId": "m-1", "body": json.dumps(self.told(host)[0]), "eventSource": "aws:sqs"}

        def is_merged():
            self.result(host, "embedding-vector-compact", {"Records": [record]})
            return host.tillite("status")["entities"][0]["snapshot_vectors"] > 0
        until(is_merged, "the merge of a delta that is a second old")

    def chunks(self, entity, **variables):
        host = self.host(BATCH_ITEMS_MAX="50", **variables)
        self.assertGreater(self.collect(host, entity), 1)
        return self.result(host, "embedding-split-chunks", {"collection": f"receipt_{entity}s"})["total_chunks"]

    def test_deltas_are_merged_ten_at_a_time(self):
        self.assertEqual(self.chunks("line"), 1)

    def test_a_chunk_has_as_many_deltas_as_it_may_have(self):
        self.assertGreater(self.chunks("line", CHUNK_SIZE_LINES="1"), 1)
        self.assertGreater(self.chunks("word", CHUNK_SIZE_WORDS="1"), 1)

    def test_a_chunk_of_words_is_not_one_of_lines(self):
        self.assertEqual(self.chunks("word", CHUNK_SIZE_LINES="1"), 1)

    def test_intermediate_files_lie_where_they_are_told_to(self):
        work = os.path.join(self.folder, "work")
        self.result(self.host(CHROMA_PERSIST_DIRECTORY=work), "embedding-line-find", {})
        self.assertEqual(os.listdir(os.path.join(work, "scratch")), [], "an invocation's folder goes with it")
        with open(os.path.join(self.folder, "file"), "w"):
            pass
        _, headers, failure = self.host(CHROMA_PERSIST_DIRECTORY=os.path.join(self.folder, "file")).invoke(
            "embedding-line-find", {})
        self.assertEqual(headers["X-Amz-Function-Error"], "Unhandled", failure)


class OutOfTime(unittest.TestCase):
    """A provider that does not answer while the function's time goes by."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tillite-lambda-")
        self.addCleanup(self.folder.cleanup)
        folder = self.folder.name
        provider = self.start_emulator("0", "request=10m")
        self.addCleanup(self.stop_emulator)
        sample = subprocess.run([PROGRAM, "sample", "--receipts", "1"], capture_output=True, check=True)
        subprocess.run([PROGRAM, "--home", os.path.join(folder, "tillite"), "import", "-"], input=sample.stdout,
                       capture_output=True, check=True, env=clean_environment(folder, **provider))
        functions = os.path.join(folder, "functions.json")
        with open(functions, "w", encoding="utf-8") as file:
            json.dump({"functions": [{"name": "submit", "command": [BOOTSTRAP], "memory_mb": 256, "timeout_s": 4,
                                      "environment": {"HANDLER_TYPE": "submit_openai"}}]}, file)
        options = [f"{name}={value}" for name, value in provider.items()]
        self.host = Host(folder, "--functions", functions, "--env", options[0], "--env", options[1])
        self.addCleanup(self.host.stop)

    def start_emulator(self, port, latency):
        """The variables of who calls it."""
        folder = self.folder.name
        with open(os.path.join(folder, "emulator.log"), "ab") as log:
            self.emulator = subprocess.Popen(
                [PROGRAM, "--json", "openai-emulator", "--port", port, "--folder", os.path.join(folder, "emulator"),
                 "--latency", latency], stdout=subprocess.PIPE, stderr=log, env=clean_environment(folder), text=True)
        said = json.loads(self.emulator.stdout.readline())
        self.port = str(said["port"])
        return said["environment"]

    def stop_emulator(self):
        self.emulator.kill()
        self.emulator.wait(PATIENCE_S)
        self.emulator.stdout.close()

    def test_a_step_ends_before_it_is_killed_and_goes_on_when_it_is_called_again(self):
        _, _, found = self.host.invoke("embedding-line-find", {})
        batch = found["batches"][0]
        _, headers, failure = self.host.invoke("submit", {"execution": "x", **batch})
        self.assertEqual(headers["X-Amz-Function-Error"], "Unhandled")
        self.assertEqual(failure["errorType"], "Tillite.TimedOut", failure)
        self.assertIn("the function's time is over", failure["errorMessage"])
        process = self.host.children()
        # The upload may have come through: for 15 seconds nobody else submits.
        _, _, again = self.host.invoke("submit", {"execution": "x", **batch})
        self.assertIn("wait" if "action" in again else "Tillite.TimedOut", again.values())
        self.assertEqual(self.host.children(), process, "the process lives on")
        # As soon as the provider answers, the next call does what is left.
        self.stop_emulator()
        self.start_emulator(self.port, "request=1ms")
        until(lambda: self.host.invoke("submit", {"execution": "x", **batch})[2].get("action") == "submitted",
              "the submit, by a later call")
        self.assertEqual(self.host.children(), process)


class Aws(HostedTest):
    def aws(self, *arguments):
        environment = clean_environment(self.folder.name, AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="a",
                                        AWS_SECRET_ACCESS_KEY="b", **self.host.variables)
        ended = subprocess.run(["aws", "--output", "json", "lambda", *arguments], env=environment, capture_output=True,
                               text=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout)

    def invoke(self, function, event):
        target = os.path.join(self.folder.name, "answer.json")
        raw = ("--cli-binary-format", "raw-in-base64-out") if self.version() >= 2 else ()
        said = self.aws("invoke", "--function-name", function, "--log-type", "Tail", "--payload", json.dumps(event), *raw,
                        target)
        with open(target, encoding="utf-8") as answer:
            return said, json.load(answer)

    @staticmethod
    def version():
        said = subprocess.run(["aws", "--version"], capture_output=True, text=True, check=True)
        return int((said.stdout + said.stderr).split("/")[1].split(".")[0])

    def test_aws_lists_and_invokes(self):
        names = [function["FunctionName"] for function in self.aws("list-functions")["Functions"]]
        self.assertIn("embedding-line-find", names)
        said, found = self.invoke("embedding-line-find", {})
        self.assertEqual(said["StatusCode"], 200)
        self.assertNotIn("FunctionError", said)
        self.assertIn("REPORT RequestId: ", base64.b64decode(said["LogResult"]).decode())
        self.assertGreater(found["items_total"], 0)

    def test_aws_sees_a_functions_error(self):
        said, failure = self.invoke("embedding-line-submit", {"batch_id": 5})
        self.assertEqual(said["FunctionError"], "Unhandled")
        self.assertEqual(failure["errorType"], "Tillite.InvalidInput")


class Peer(HostedTest):
    def options(self):
        functions = os.path.join(self.folder.name, "functions.json")
        with open(functions, "w", encoding="utf-8") as file:
            json.dump({"functions": [{"name": "peer", "command": [os.path.abspath(PEER)], "timeout_s": 30}]}, file)
        return ("--functions", functions)

    def test_awss_own_runtime_client_understands_our_runtime_api(self):
        for text in ("ä", "x" * 1_000_000):
            _, headers, answer = self.host.invoke("peer", {"text": text})
            self.assertNotIn("X-Amz-Function-Error", headers, answer)
            self.assertEqual(answer["event"], {"text": text})
            self.assertEqual(answer["arn"], "arn:aws:lambda:us-east-1:000000000000:function:peer")
            self.assertLessEqual(answer["remaining_ms"], 30_000)
            self.assertGreater(answer["remaining_ms"], 20_000)

    def test_its_failures_are_the_functions(self):
        _, headers, failure = self.host.invoke("peer", {"text": "fail"})
        self.assertEqual(headers["X-Amz-Function-Error"], "Unhandled")
        self.assertEqual((failure["errorType"], failure["errorMessage"]), ("Peer.Failed", "as it was told"))


def main():
    global PROGRAM, BOOTSTRAP
    PROGRAM, BOOTSTRAP, part = sys.argv[1:4]
    PROGRAM, BOOTSTRAP = os.path.abspath(PROGRAM), os.path.abspath(BOOTSTRAP)
    if part == "Aws" and shutil.which("aws") is None:
        print("SKIPPED: there is no program aws, so that it could not be tried against tillite lambda-host")
        return SKIPPED
    if part == "Peer" and not os.access(PEER, os.X_OK):
        print(f"SKIPPED: there is no {PEER}, so that AWS's runtime client could not be tried: run scripts/setup test")
        return SKIPPED
    cases = {"Steps": (Steps, StepThatIsNone, Settings, OutOfTime), "Aws": (Aws,), "Peer": (Peer,)}[part]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
