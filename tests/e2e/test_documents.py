"""The commands of the documents: each is executed on the deployed stack, or listed in `document_commands.py` with the reason."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import botocore.exceptions

import trail
from case import StackTestCase
from commands import Shell, blocks, commands
from document_commands import EXIT_CODES, NOT_EXECUTED, PAGES, PRINTS, begins, page, parameters
from deployment import RELEASE, ROOT, TRAIL_BUCKET, VENV, onlooker_binary
from trail import HOME_ACCOUNT, OTHER_ACCOUNT, REGION, Trail

# The Region of the examples. The tests take that of the deployed stack.
EXAMPLE_REGION = "eu-central-1"
# A bucket of the operator, for uploads and the configuration object.
BUCKET = "operators-bucket"


class ExecutedCommands(StackTestCase):
    """A stack with evidence, a report, messages in the dead-letter queues and a failed backfill."""

    def setUp(self):
        super().setUp()
        self.folder = self.deployment.scratch / "documents"
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("template.yaml", "member.yaml", "samconfig.toml"):
            shutil.copy(ROOT / name, self.folder)
        shutil.copytree(ROOT / "docs", self.folder / "docs")
        # `sam deploy` takes what `sam build` has built. Here that is the release.
        release = self.folder / "onlooker-0.1.0"
        shutil.copytree(RELEASE, release)
        built = self.folder / ".aws-sam" / "build"
        shutil.copytree(RELEASE, built)
        shutil.copy(RELEASE / f"template-{self.deployment.parameters['Architecture']}.yaml", built / "template.yaml")
        (self.folder / "bin").mkdir()
        aws = Path(os.environ.get("AWS_CLI", VENV / "awscli" / "bin" / "aws"))
        for name, program in {"aws": aws, "onlooker": onlooker_binary()}.items():
            (self.folder / "bin" / name).symlink_to(program)
        # curl sends its requests to the emulator, which serves all function URLs by their host names.
        (self.folder / ".curlrc").write_text(f'connect-to = "::{self.deployment.upstream.removeprefix("http://")}"\n')
        version = subprocess.run([aws, "--version"], capture_output=True, text=True).stdout
        self.assertTrue(version.startswith("aws-cli/2."), f"the documents are for AWS CLI v2, set AWS_CLI to one; {aws}: {version}")

    def environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ONLOOKER_", "AWS_"))}
        return inherited | {
            "PATH": f"{self.folder / 'bin'}:{VENV / 'tools' / 'bin'}:{os.environ['PATH']}",
            "CURL_HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.deployment.endpoint,
            "AWS_ACCESS_KEY_ID": HOME_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def prepare(self):
        """What the pages assume: evidence, a report, a trail, roles, a bucket, and messages in the dead-letter queues."""
        client = self.deployment.client
        self.configure("pull", LOOKUP_LOOKBACK_HOURS="1")
        self.deployment.deliver(Trail("documents", self.hour - 7200, self.hour, 120).objects())
        self.deployment.wait_until_drained()
        for function in ("pull", "permissions", "report"):
            self.invoke(function)
        for role in ("DEPLOYER", "ROLE"):
            client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
        client("cloudtrail").create_trail(
            Name="TRAIL", S3BucketName=TRAIL_BUCKET, IsMultiRegionTrail=True, EnableLogFileValidation=True
        )
        client("cloudtrail").start_logging(Name="TRAIL")
        self.versioned_bucket(BUCKET)
        subprocess.run([onlooker_binary(), "config", "init"], cwd=self.folder, check=True, capture_output=True)
        client("s3").upload_file(str(self.folder / "onlooker.toml"), BUCKET, "settings/onlooker.toml")
        event = trail.eventbridge_event(trail.record(trail.deterministic_uuid("documents"), self.now - 60, trail.VIOLATION))
        body = {"requestContext": {"functionArn": self.deployment.configuration("watch")["FunctionArn"]}, "requestPayload": event}
        for queue in ("DeadLetterQueueUrl", "LogDeadLetterQueueUrl"):
            client("sqs").send_message(QueueUrl=self.deployment.outputs[queue], MessageBody=json.dumps(body))

    def versioned_bucket(self, name):
        s3 = self.deployment.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    # -- values for the words of the pages that stand for one

    def execution(self):
        found = self.deployment.client("stepfunctions").list_executions(stateMachineArn=self.deployment.outputs["BackfillArn"])
        return found["executions"][0]["executionArn"]

    def version(self):
        found = self.deployment.client("s3").list_object_versions(Bucket=BUCKET, Prefix="settings/onlooker.toml")
        return found["Versions"][0]["VersionId"]

    def handle(self):
        return json.loads((self.folder / "message.json").read_text())["ReceiptHandle"]

    # -- commands of the tests before a command of a page

    def with_a_lifecycle(self):
        """The emulator drops the lifecycle of the template."""
        rule = {"ID": "evidence", "Status": "Enabled", "Filter": {"Prefix": "evidence/"}, "Expiration": {"Days": 400}}
        s3, bucket = self.deployment.client("s3"), self.deployment.outputs["Bucket"]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        self.addCleanup(s3.delete_bucket_lifecycle, Bucket=bucket)

    def with_a_short_history(self):
        """A first pull of 24 hours sends hundreds of requests, which takes minutes on a busy machine."""
        self.deployment.read_environments()
        self.configure("pull", LOOKUP_LOOKBACK_HOURS="1")

    def with_other_storage(self):
        """A bucket and a table to remove: those of the stack are needed."""
        self.versioned_bucket("removed-bucket")
        for content in (b"first", b"second"):
            self.deployment.client("s3").put_object(Bucket="removed-bucket", Key="evidence/one", Body=content)
        self.deployment.client("s3").delete_object(Bucket="removed-bucket", Key="evidence/one")
        self.deployment.client("dynamodb").create_table(
            TableName="removed-table", BillingMode="PAY_PER_REQUEST", DeletionProtectionEnabled=True,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        return "BUCKET=removed-bucket TABLE=removed-table"

    def assert_that_the_other_storage_is_removed(self):
        buckets = self.deployment.client("s3").list_buckets()["Buckets"]
        self.assertNotIn("removed-bucket", [one["Name"] for one in buckets])
        self.assertNotIn("removed-table", self.deployment.client("dynamodb").list_tables()["TableNames"])

    def with_a_configuration_object(self):
        """The deployed stack has no configuration object."""
        return f"OBJECT=s3://{BUCKET}/settings/onlooker.toml"

    def substituted(self, name, command):
        """A command with the Region of the stack, and with values for the words that stand for one."""
        command = command.replace(EXAMPLE_REGION, REGION)
        for word, value in WORDS[name].items():
            command = re.sub(word, lambda _: value(self) if callable(value) else value, command)
        return command

    def remove_what_the_pages_created(self):
        client = self.deployment.client
        for region, stack in ((REGION, "onlooker-role"), (trail.GLOBAL_REGION, "onlooker-rule")):
            client("cloudformation", OTHER_ACCOUNT, region).delete_stack(StackName=stack)
        if "onlooker-restored" in client("dynamodb").list_tables()["TableNames"]:
            client("dynamodb").update_table(TableName="onlooker-restored", DeletionProtectionEnabled=False)
            client("dynamodb").delete_table(TableName="onlooker-restored")
        for role in ("DEPLOYER", "ROLE"):
            for policy in client("iam").list_role_policies(RoleName=role)["PolicyNames"]:
                client("iam").delete_role_policy(RoleName=role, PolicyName=policy)
            client("iam").delete_role(RoleName=role)
        client("cloudtrail").delete_trail(Name="TRAIL")

    def restore(self):
        """Gives the stack the parameters that the tests deployed it with."""
        stack = self.deployment.client("cloudformation").describe_stacks(StackName=self.deployment.stack)["Stacks"][0]
        defaults = {name: str(one.get("Default", "")) for name, one in parameters("template.yaml").items()}
        wanted = defaults | self.deployment.parameters
        now = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
        changed = {name: value for name, value in wanted.items() if now[name] != value}
        if not changed:
            return
        try:
            self.deployment.update(**changed)
        except botocore.exceptions.ClientError as error:
            # boto3 repeats a request if its answer is late, and the second one finds the update done.
            if "No updates are to be performed" not in str(error):
                raise
            self.deployment.read_environments()

    def test_14_the_commands_of_the_documents_work(self):
        self.addCleanup(self.restore)
        self.prepare()
        self.addCleanup(self.remove_what_the_pages_created)
        executed = listed = 0
        for name in PAGES:
            with Shell(self.folder, self.environment()) as shell:
                for block in blocks(page(name)):
                    for command in commands(block):
                        if begins(NOT_EXECUTED, name, command):
                            listed += 1
                            continue
                        executed += 1
                        with self.subTest(page=name, command=command):
                            self.execute(name, command, shell)
            self.restore()
        self.assert_that_the_other_storage_is_removed()
        print(f"{executed} commands executed, {listed} listed", file=sys.stderr)

    def execute(self, name, command, shell):
        before = BEFORE[name].get(begins(BEFORE, name, command))
        setting = before(self) if before else None
        if setting:
            self.assertEqual(shell.run(setting).code, 0)
        is_deployment = re.match(r"deploy |sam deploy ", command)
        began = time.monotonic()
        result = shell.run(self.substituted(name, command), "y\n" if is_deployment else "")
        if os.environ.get("DOCUMENTS_LOG"):
            with open(os.environ["DOCUMENTS_LOG"], "a") as log:
                log.write(f"=== {name} [{result.code}] {time.monotonic() - began:.1f} s\n{command}\n--- {result.output[:3000]}\n--- {result.errors[-1500:]}\n")
        codes, _ = EXIT_CODES[name].get(begins(EXIT_CODES, name, command), ((0,), ""))
        self.assertIn(result.code, codes, f"{result.output[-2000:]}\n{result.errors[-2000:]}")
        if is_deployment:
            self.assertRegex(result.output, "Successfully created/updated stack|No changes to deploy")
        pattern = PRINTS[name].get(begins(PRINTS, name, command))
        if pattern:
            self.assertRegex(result.output, pattern)


# Words of the pages that stand for a value, as patterns, and the value here.
WORDS = {
    "deployment.md": {
        r"(?<=--s3-bucket )BUCKET": BUCKET,
        # The emulator has no TLS.
        r"\$\(output ApiUrl\)": "$(output ApiUrl | sed s/^https/http/)",
    },
    # The page says: with the credentials of the other account.
    "evidence-sources.md": {"^aws cloudformation deploy": f"AWS_ACCESS_KEY_ID={OTHER_ACCOUNT} aws cloudformation deploy"},
    "moving.md": {"2027-01-15T08:00:00Z": lambda test: trail.stamp(test.now)},
    "runbook.md": {
        r"(?<=--receipt-handle )HANDLE": ExecutedCommands.handle,
        r"(?<=--version-id )VERSION": ExecutedCommands.version,
        "EXECUTION-ARN": ExecutedCommands.execution,
    },
}

# What is set up right before a command.
BEFORE = {
    "deployment.md": {},
    "evidence-sources.md": {"run pull": ExecutedCommands.with_a_short_history},
    "moving.md": {
        "aws s3api get-bucket-lifecycle-configuration": ExecutedCommands.with_a_lifecycle,
        'aws dynamodb update-table --table-name "$TABLE" --no-deletion-protection-enabled': ExecutedCommands.with_other_storage,
    },
    "runbook.md": {'aws s3 cp "$OBJECT" onlooker.toml': ExecutedCommands.with_a_configuration_object},
}
