"""The deployed stack and its environment: the emulator, the event history and the proxy on loopback.

Every server binds to 127.0.0.1 on a free port, every file lies below `target`, and both end with the process that started
them. The functions reach AWS only through the proxy. So does this program; the proxy does not count its calls.
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
from boto3.dynamodb.types import TypeDeserializer

import event_history
import proxy
import trail

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "target" / "e2e"
RELEASE = VENV / "release"
STACK = "onlooker"
TRAIL_BUCKET = "larkspur-trail"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/main.rs"))
# Ports to try for the emulator: another process can take a free port before the emulator binds it.
PORT_ATTEMPTS = 5


class TimeoutExceeded(AssertionError):
    """A condition was not met within its time limit."""


class EmulatorEnded(RuntimeError):
    """The emulator ended before it was ready."""


def wait_until(what, found, seconds=120.0, every=0.1):
    """Polls `found()` until it returns a true value, and returns that value.

    `seconds` is a limit for a stuck test and not an expected duration: a busy machine is several times slower than an idle
    one.
    """
    limit = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > limit:
            raise TimeoutExceeded(f"waited {seconds:.0f} s for {what}; last: {value!r}")
        time.sleep(every)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Deployment:
    """A context: leaving it ends everything that it started."""

    def __init__(self, home=trail.HOME_ACCOUNT, region=trail.REGION):
        self.home, self.region = home, region
        # Not below /tmp: the emulator extracts functions there and does not always remove them.
        (VENV / "run").mkdir(parents=True, exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(dir=VENV / "run"))
        self.emulator = None
        self.clients = {}
        self.stack, self.outputs = STACK, {}
        self.awaited = set()
        self.round = 0

    # -- start and end

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_emulator()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self):
        self.event_history = event_history.EventHistory(self.account_of)
        self.proxy = proxy.Proxy(self.event_history)
        self.server = proxy.serve(self.proxy)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        (self.scratch / "tmp").mkdir()
        for attempt in range(PORT_ATTEMPTS):
            try:
                return self.start_emulator(free_port())
            except EmulatorEnded:
                if attempt + 1 == PORT_ATTEMPTS or "already in use" not in self.emulator_log():
                    raise

    def start_emulator(self, port):
        self.upstream = f"http://127.0.0.1:{port}"
        self.proxy.upstream = "127.0.0.1", port
        # The functions inherit the environment of the emulator, so the variables of this process must not be in it.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ONLOOKER_", "AWS_"))}
        environment = inherited | {
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
        with (self.scratch / "emulator.log").open("wb") as log:
            self.emulator = subprocess.Popen(
                [VENV / "emulator" / "bin" / "ministack"],
                env=environment, cwd=self.scratch, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        wait_until("the emulator", self.healthy)

    def stop_emulator(self):
        if self.emulator and self.emulator.poll() is None:
            # The function processes are children of the emulator and in its process group.
            os.killpg(self.emulator.pid, signal.SIGTERM)
            try:
                self.emulator.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.emulator.pid, signal.SIGKILL)

    def healthy(self):
        if self.emulator.poll() is not None:
            raise EmulatorEnded(f"the emulator ended:\n{self.emulator_log()}")
        try:
            with urllib.request.urlopen(f"{self.upstream}/_ministack/health", timeout=5) as response:
                return response.status == 200
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
                    read_timeout=300,
                    s3={"addressing_style": "path"},
                ),
            )
        return self.clients[service, account, region]

    def account_of(self, access_key):
        """The account of an access key."""
        if access_key.isdigit():
            return access_key
        return self.client("sts").get_access_key_info(AccessKeyId=access_key)["Account"]

    # -- the stack

    def create_trail_bucket(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket=TRAIL_BUCKET, CreateBucketConfiguration={"LocationConstraint": self.region})
        s3.put_bucket_notification_configuration(
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    def deploy(self, stack=STACK, **parameters):
        """Deploys the packed release, as an operator does. The other methods then drive this stack."""
        done = self.sam_deploy(stack, **parameters)
        if done.returncode:
            raise RuntimeError(f"the deployment failed:\n{done.stdout}\n{self.emulator_log()}")
        self.stack, self.parameters = stack, parameters
        found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.roles = self.configuration("report")["Environment"]["Variables"]["ONLOOKER_ROLES"]
        self.read_environments()
        return self.outputs

    def sam_deploy(self, stack, **parameters):
        # A copy: nothing beside the release is in reach.
        release = self.scratch / "release"
        if not release.exists():
            shutil.copytree(RELEASE, release)
        template = release / f"template-{parameters['Architecture']}.yaml"
        overrides = " ".join(f'{name}="{value}"' for name, value in parameters.items())
        return self.sam(
            "deploy", "--template-file", template, "--stack-name", stack, "--resolve-s3",
            "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
            "--parameter-overrides", overrides,
        )

    def read_environments(self):
        """Reads the variables of the functions, without the stack's own roles.

        The command line does not watch those roles, and the tests compare the reports of the functions with its reports.
        """
        no_roles = {"ONLOOKER_ROLES": ""}
        self.environments = {
            name: self.configuration(name)["Environment"]["Variables"] | no_roles for name in FUNCTIONS
        }

    def sam(self, *arguments):
        tools = VENV / "tools" / "bin"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ONLOOKER_", "AWS_"))}
        environment = inherited | {
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
        """Changes parameters of the stack. The other parameters keep their values."""
        cloudformation = self.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]
        names = [parameter["ParameterKey"] for parameter in stack["Parameters"]]
        given = [
            {"ParameterKey": name, "ParameterValue": parameters[name]}
            if name in parameters
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in names
        ]
        cloudformation.update_stack(
            StackName=self.stack, UsePreviousTemplate=True, Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def updated():
            status = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"]
            if "ROLLBACK" in status or "FAILED" in status:
                raise RuntimeError(f"the update ended as {status}\n{self.emulator_log()}")
            return status == "UPDATE_COMPLETE"

        wait_until("the update of the stack", updated)
        self.read_environments()
        for name in FUNCTIONS:
            self.configure(name)

    def clear(self):
        """Removes all evidence, state, messages, faults, settings and function processes. The stack stays.

        An invocation of the test before may still run. It must not write into the state of the next test, so no message
        starts an invocation, all function processes end, and their last requests complete before the state is removed.
        """
        self.limit_concurrency("ingest", 0)
        # New variables: Lambda ends the processes of a function before it applies them.
        self.round += 1
        for name in FUNCTIONS:
            self.configure(name)
        wait_until("the last requests of ended functions", lambda: self.proxy.in_flight == 0)
        self.proxy.reset()
        self.event_history.reset()
        self.awaited = set()
        s3, dynamodb, sqs = self.client("s3"), self.client("dynamodb"), self.client("sqs")
        for queue in ("LogQueueUrl", "LogDeadLetterQueueUrl", "DeadLetterQueueUrl"):
            sqs.purge_queue(QueueUrl=self.outputs[queue])
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
        self.limit_concurrency("ingest", None)

    # -- functions

    def configuration(self, name):
        return self.client("lambda").get_function_configuration(FunctionName=f"{self.stack}-{name}")

    def configure(self, name, timeout=None, **variables):
        """Changes variables of a function. They take precedence over those that it was deployed with."""
        wanted = self.environments[name] | variables | {"E2E_ROUND": str(self.round)}
        now = self.configuration(name)
        change = {}
        if now["Environment"]["Variables"] != wanted:
            change["Environment"] = {"Variables": wanted}
        if timeout and now["Timeout"] != timeout:
            change["Timeout"] = timeout
        if change:
            self.client("lambda").update_function_configuration(FunctionName=f"{self.stack}-{name}", **change)

    def limit_concurrency(self, name, limit):
        """Reserves concurrency for a function, so that at most so many invocations run at a time. `None`: no limit."""
        client, function = self.client("lambda"), {"FunctionName": f"{self.stack}-{name}"}
        if limit is None:
            client.delete_function_concurrency(**function)
        else:
            client.put_function_concurrency(ReservedConcurrentExecutions=limit, **function)

    def invoke(self, name, payload=None):
        """Invokes a function and waits for it. Returns its response, and its error if it failed."""
        done = self.client("lambda").invoke(
            FunctionName=f"{self.stack}-{name}", Payload=json.dumps({} if payload is None else payload)
        )
        content = json.loads(done["Payload"].read() or b"null")
        return (None, content) if done.get("FunctionError") else (content, None)

    # -- evidence and reports

    def deliver(self, objects):
        """Delivers log files to the trail bucket, as a trail does. Digest files come with the metadata of their objects."""
        for key, content in objects.items():
            content, metadata = content if isinstance(content, tuple) else (content, {})
            self.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=key, Body=content, Metadata=metadata)
        self.awaited |= {f"/{TRAIL_BUCKET}/{key}" for key in objects}

    def items(self, partition, prefix=""):
        """Items of the table, as plain values."""
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

    def revisions(self, since, until):
        items = self.items(f"WINDOW#{trail.stamp(since)}_{trail.stamp(until)}", "REVISION#")
        return [item["body"] for item in items]

    def report(self, since, until):
        """Has the function publish the report on a window, and reads the report."""
        _, error = self.invoke("report", {"since": trail.stamp(since), "until": trail.stamp(until)})
        if error:
            raise AssertionError(f"the report failed: {error}")
        newest = self.revisions(since, until)[-1]
        return json.loads(self.read(newest["keys"][0]))

    def queue_depth(self, queue):
        """Number of messages in a queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def wait_until_drained(self, seconds=240):
        """Waits until the functions have fetched every delivered log file and no message is left in the queue.

        The notification of a log file needs a moment to reach the queue, so an empty queue alone proves nothing. A message
        leaves the queue when its invocation has ended, if its visibility timeout is longer than the invocation, or if only
        one invocation runs at a time.
        """
        wait_until(
            "the functions to read the log files",
            lambda: not self.awaited - self.proxy.fetched and self.queue_depth("LogQueueUrl") == 0,
            seconds,
        )
        self.awaited.clear()

    def expected_report(self, objects, since, until, **variables):
        """The report of the command line on the same log files with the same settings, as JSON."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        for key, content in objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        settings = {
            name: value
            for name, value in (self.environments["report"] | variables).items()
            if name.startswith("ONLOOKER_") and name not in proxy.FUNCTION_ONLY_VARIABLES and value
        }
        done = subprocess.run(
            [onlooker_binary(), "sweep", folder, "--no-state", "--json", "--quiet",
             "--since", trail.stamp(since), "--until", trail.stamp(until)],
            env={"PATH": os.environ["PATH"]} | settings, cwd=folder, capture_output=True, text=True,
        )
        if done.returncode not in (0, 1, 3):
            raise RuntimeError(f"onlooker ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)


def onlooker_binary():
    """The command line, built together with the functions."""
    return VENV / "onlooker"
