"""What the tests that drive tillite by other programs share: a home, and tillite serve over it."""

import json
import os
import re
import signal
import subprocess
import time

PATIENCE_S = int(os.environ.get("TILLITE_PATIENCE_S", "120"))
FOREIGN = [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]


def clean_environment(home, **more):
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    # No settings of whoever runs the test, and no proxy on the way to this machine.
    environment.update(HOME=home, NO_PROXY="127.0.0.1", AWS_PAGER="", LOG_LEVEL="INFO", AWS_EC2_METADATA_DISABLED="true")
    environment.update(more)
    return environment


def until(condition, what):
    """The first true answer of condition()."""
    for _ in range(PATIENCE_S * 10):
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {PATIENCE_S} s")


def import_sample(program, home, receipts):
    """Puts made-up receipts into the folder's home, the same for the same number."""
    sample = subprocess.run([program, "sample", "--receipts", str(receipts)], capture_output=True, check=True)
    subprocess.run([program, "--home", os.path.join(home, "tillite"), "import", "-"], input=sample.stdout,
                   capture_output=True, check=True, env=clean_environment(home))


class Server:
    """tillite serve on a free port, with a home and what its export lines say."""

    def __init__(self, program, home, *options, **environment):
        self.home = home
        self.log = open(os.path.join(home, "serve.log"), "ab")
        self.process = subprocess.Popen(
            [program, "--home", os.path.join(home, "tillite"), "serve", "--port", "0", *options],
            stdout=subprocess.PIPE, stderr=self.log, env=clean_environment(home, **environment), text=True)
        self.variables = {}
        while "AWS_DISABLE_HOST_PREFIX_INJECTION" not in self.variables or (
                "AWS_ACCESS_KEY_ID" not in environment and "AWS_SECRET_ACCESS_KEY" not in self.variables):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"serve ended: {open(self.log.name).read()}")
            name, value = re.fullmatch(r"export (\w+)=(.*)\n", line).groups()
            self.variables[name] = value
        self.environment = clean_environment(home, **{**environment, **self.variables})
        self.url = self.variables["AWS_ENDPOINT_URL"]

    def aws(self, *arguments, **environment):
        """What the program aws answers, from JSON."""
        return self.shell("aws --output json " + " ".join(arguments), **environment)

    def shell(self, command, **environment):
        text = self.text(command, **environment)
        return json.loads(text) if text.strip() else None

    def text(self, command, **environment):
        ended = subprocess.run(["bash", "-c", command], env={**self.environment, **environment},
                               capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise AssertionError(f"{command}: {ended.stderr}{ended.stdout}")
        return ended.stdout

    def client(self, service, **more):
        """A client of boto3, which only some of these tests have."""
        import boto3
        import botocore.config

        config = botocore.config.Config(retries={"max_attempts": 0}, inject_host_prefix=False)
        options = dict(endpoint_url=self.url, region_name="local", aws_access_key_id="tillite",
                       aws_secret_access_key="tillite", config=config)
        return boto3.client(service, **{**options, **more})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.log.close()
        return status
