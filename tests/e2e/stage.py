"""The stage the stack is played on: emulator, event history and proxy on loopback, and the deployed stack.

Everything binds to 127.0.0.1 on free ports, lies below `target`, and ends with the process that started it. Functions
reach AWS through the proxy alone; so does this program, without being counted.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import botocore.config

import history
import proxy
import trail

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "target" / "e2e"
BUILD = VENV / "build"
STACK = "onlooker"
TRAIL_BUCKET = "larkspur-trail"
FUNCTIONS = ["sweep", "ingest", "watch", "report", "permissions"]


class Overdue(AssertionError):
    """Something that was waited for did not come."""


def until(what, found, seconds=30.0, every=0.1):
    """Waits for `found()` to give something true, and gives that. The time is a limit, not a measure."""
    limit = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > limit:
            raise Overdue(f"waited {seconds:.0f} s for {what}; last: {value!r}")
        time.sleep(every)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """Use it as a context: leaving it ends everything it began."""

    def __init__(self, home=trail.HOME, region=trail.REGION):
        self.home, self.region = home, region
        # Not below /tmp: the emulator unpacks functions there and does not always clean up.
        (VENV / "run").mkdir(parents=True, exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(dir=VENV / "run"))
        self.emulator = None
        self.clients = {}
        self.outputs = {}
        self.awaited = set()
        self.round = 0

    # -- begin and end

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.emulator and self.emulator.poll() is None:
            # Functions are its children; they share its process group.
            os.killpg(self.emulator.pid, signal.SIGTERM)
            try:
                self.emulator.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.emulator.pid, signal.SIGKILL)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self):
        port, front = free_port(), free_port()
        self.upstream, self.endpoint = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{front}"
        self.history = history.History(self.account_of)
        self.proxy = proxy.Proxy("127.0.0.1", port, self.history)
        self.server = proxy.serve(self.proxy, front)
        # Functions inherit the environment of the emulator: nothing of ours may be in it.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONLOOKER_", "AWS_"))}
        environment = kept | {
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "ATHENA_ENGINE": "duckdb",
            "AUTH": "true",
            "MINISTACK_AUTOCREATE_AWS_MANAGED": "0",
            "AWS_ENDPOINT_URL": self.endpoint,
            "NO_PROXY": "127.0.0.1",
            "TMPDIR": str(self.scratch / "tmp"),
            "S3_DATA_DIR": str(self.scratch / "s3"),
        }
        (self.scratch / "tmp").mkdir()
        self.log = (self.scratch / "emulator.log").open("wb")
        self.emulator = subprocess.Popen(
            [VENV / "emulator" / "bin" / "ministack"],
            env=environment, cwd=self.scratch, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )
        until("the emulator", self.healthy, 60)

    def healthy(self):
        if self.emulator.poll() is not None:
            raise RuntimeError(f"the emulator ended:\n{self.emulator_log()}")
        try:
            with urllib.request.urlopen(f"{self.upstream}/_ministack/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def emulator_log(self):
        return (self.scratch / "emulator.log").read_text(errors="replace")[-6000:]

    # -- AWS

    def client(self, service, account=None, region=None):
        account, region = account or self.home, region or self.region
        if (service, account, region) not in self.clients:
            self.clients[service, account, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=account,
                aws_secret_access_key="test",
                config=botocore.config.Config(
                    retries={"max_attempts": 1},
                    read_timeout=180,
                    s3={"addressing_style": "path"},
                ),
            )
        return self.clients[service, account, region]

    def account_of(self, access_key):
        """The account credentials belong to."""
        if access_key.isdigit():
            return access_key
        return self.client("sts").get_access_key_info(AccessKeyId=access_key)["Account"]

    # -- the stack

    def deploy(self, **parameters):
        """Deploys what was built, as a user does."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=TRAIL_BUCKET, CreateBucketConfiguration={"LocationConstraint": self.region})
        s3.put_bucket_notification_configuration(
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        overrides = " ".join(f'{name}="{value}"' for name, value in parameters.items())
        done = self.sam(
            "deploy", "--template-file", BUILD / "template.yaml", "--stack-name", STACK, "--resolve-s3",
            "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
            "--parameter-overrides", overrides,
        )
        if done.returncode:
            raise RuntimeError(f"the deployment failed:\n{done.stdout}\n{self.emulator_log()}")
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.roles = self.configuration("report")["Environment"]["Variables"]["ONLOOKER_ROLES"]
        self.watch_no_own()
        return self.outputs

    def watch_no_own(self):
        """Leaves the stack's own roles alone, as the command line does, whose reports theirs are compared with."""
        alone = {"ONLOOKER_ROLES": ""}
        self.environments = {name: self.configuration(name)["Environment"]["Variables"] | alone for name in FUNCTIONS}

    def sam(self, *arguments):
        tools = VENV / "tools" / "bin"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONLOOKER_", "AWS_"))}
        environment = kept | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.home,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [tools / "sam", *map(str, arguments), "--region", self.region]
        return subprocess.run(
            command, env=environment, cwd=self.scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def update(self, **parameters):
        """Changes parameters of the stack, the others kept."""
        cloudformation = self.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        names = [parameter["ParameterKey"] for parameter in stack["Parameters"]]
        given = [
            {"ParameterKey": name, "ParameterValue": parameters[name]}
            if name in parameters
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in names
        ]
        cloudformation.update_stack(
            StackName=STACK, UsePreviousTemplate=True, Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def status():
            now = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            if "ROLLBACK" in now or "FAILED" in now:
                raise RuntimeError(f"the update ended as {now}\n{self.emulator_log()}")
            return now == "UPDATE_COMPLETE"

        until("the update of the stack", status, 60)
        self.watch_no_own()
        for name in FUNCTIONS:
            self.configure(name)

    def clear(self):
        """Forgets all evidence, state, messages, faults, settings and processes; the stack stays."""
        self.proxy.reset()
        self.history.reset()
        self.awaited = set()
        s3, dynamodb, sqs = self.client("s3"), self.client("dynamodb"), self.client("sqs")
        for queue in ("LogQueueUrl", "LogDeadLetterQueueUrl", "DeadLetterQueueUrl"):
            sqs.purge_queue(QueueUrl=self.outputs[queue])
        # A process remembers what it has written: with other variables the next invocation begins a new one.
        self.round += 1
        for name in FUNCTIONS:
            self.configure(name)
        for bucket in (self.outputs["Bucket"], TRAIL_BUCKET):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = page.get("Versions", []) + page.get("DeleteMarkers", [])
                if found:
                    named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                    s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
        table = self.outputs["Table"]
        for page in dynamodb.get_paginator("scan").paginate(
            TableName=table, ProjectionExpression="pk, sk", ConsistentRead=True
        ):
            for first in range(0, len(page["Items"]), 25):
                some = [{"DeleteRequest": {"Key": item}} for item in page["Items"][first:first + 25]]
                dynamodb.batch_write_item(RequestItems={table: some})

    # -- functions

    def configuration(self, name):
        return self.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{name}")

    def configure(self, name, timeout=None, **variables):
        """Changes variables of a function: those given win over those it was deployed with."""
        wanted = self.environments[name] | variables | {"E2E_ROUND": str(self.round)}
        now = self.configuration(name)
        change = {}
        if now["Environment"]["Variables"] != wanted:
            change["Environment"] = {"Variables": wanted}
        if timeout and now["Timeout"] != timeout:
            change["Timeout"] = timeout
        if change:
            self.client("lambda").update_function_configuration(FunctionName=f"{STACK}-{name}", **change)

    def invoke(self, name, payload=None):
        """Invokes a function and waits. Gives what it answered, and its error if it failed."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{STACK}-{name}", Payload=json.dumps({} if payload is None else payload)
        )
        said = json.loads(answer["Payload"].read() or b"null")
        return (None, said) if answer.get("FunctionError") else (said, None)

    def logs(self, name):
        """All lines a function has logged."""
        logs, group = self.client("logs"), f"/aws/lambda/{STACK}-{name}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    # -- evidence and reports

    def deliver(self, objects):
        """Delivers log objects, as a trail does."""
        for key, content in objects.items():
            self.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=content)
        self.awaited |= {f"/{TRAIL_BUCKET}/{key}" for key in objects}

    def items(self, partition, prefix=""):
        """Items of the table, as plain values."""
        from boto3.dynamodb.types import TypeDeserializer

        plain = TypeDeserializer()
        pages = self.client("dynamodb").get_paginator("query").paginate(
            TableName=self.outputs["Table"],
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk" + (" AND begins_with(sk, :sk)" if prefix else ""),
            ExpressionAttributeValues={":pk": {"S": partition}} | ({":sk": {"S": prefix}} if prefix else {}),
        )
        return [
            {name: plain.deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]
        ]

    def keys(self, prefix, bucket=None):
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(
            Bucket=bucket or self.outputs["Bucket"], Prefix=prefix
        )
        return [object_["Key"] for page in pages for object_ in page.get("Contents", [])]

    def read(self, key):
        return self.client("s3").get_object(Bucket=self.outputs["Bucket"], Key=key)["Body"].read()

    def revisions(self, since, until_):
        items = self.items(f"WINDOW#{trail.stamp(since)}_{trail.stamp(until_)}", "REVISION#")
        return [item["body"] for item in items]

    def report(self, since, until_):
        """Has the report on a window issued, and reads it."""
        _, error = self.invoke("report", {"since": trail.stamp(since), "until": trail.stamp(until_)})
        if error:
            raise AssertionError(f"the report failed: {error}")
        newest = self.revisions(since, until_)[-1]
        return json.loads(self.read(newest["keys"][0]))

    def waiting(self, queue):
        """Messages in a queue, seen or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        got = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(got["Attributes"][name]) for name in names)

    def drained(self, seconds=60):
        """Waits until what was delivered was fetched, and every notice dealt with. News of an object is on its way for a moment."""
        until(
            "log objects to be read",
            lambda: not self.awaited - self.proxy.fetched and self.waiting("LogQueueUrl") == 0,
            seconds,
        )
        self.awaited.clear()

    def expected(self, objects, since, until_, **variables):
        """What the command line says of the same log objects in the same words: the report, as JSON."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        for key, content in objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        told = {
            name: value
            for name, value in (self.environments["report"] | variables).items()
            if name.startswith("ONLOOKER_") and name not in proxy.RESERVED and value
        }
        done = subprocess.run(
            [command_line(), "sweep", folder, "--no-state", "--json", "--quiet",
             "--since", trail.stamp(since), "--until", trail.stamp(until_)],
            env={"PATH": os.environ["PATH"]} | told, cwd=folder, capture_output=True, text=True,
        )
        if done.returncode not in (0, 1, 3):
            raise RuntimeError(f"onlooker ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)


def command_line():
    """The command line that was built with the functions."""
    return BUILD.parent / "onlooker"
