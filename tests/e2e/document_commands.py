"""The commands of the documents that are not executed, and what is expected of those that are.

`test_documents.py` fails if a command is neither executed nor listed, and if a row names no command. A row is the beginning of a
command of a page.
"""

import yaml

from commands import blocks, commands
from deployment import ROOT
from trail import HOME_ACCOUNT

# The pages with commands for operators, below `docs`.
PAGES = ("deployment.md", "evidence-sources.md", "moving.md", "runbook.md")

BUILDS = "builds the functions for many minutes; `make functions` builds them for these tests"
RELEASED = "needs the GitHub CLI and a published release"
ORGANIZATION = "the emulator has no stack sets"
MOVE_TASKS = "the emulator has no tasks that move messages"
REMOVES = "removes the stack, which other tests need; test_15 removes it by the same command"
MOVES = "creates a stack; test_15 creates it on the storage of a deleted one, with the same parameters"
FAILED_ROLLBACK = "CloudFormation accepts it only after a rollback that failed"

# The beginnings of commands that are not executed, and why.
NOT_EXECUTED = {
    "deployment.md": {
        "make release-functions": BUILDS,
        "gh release download": RELEASED,
        "sha256sum -c SHA256SUMS": RELEASED,
        'aws logs tail "/aws/lambda/$STACK-watch" --follow': "does not end",
        "aws cloudformation delete-stack": REMOVES,
        "aws cloudformation wait stack-delete-complete": REMOVES,
        "aws cloudformation continue-update-rollback": FAILED_ROLLBACK,
        "git pull": BUILDS,
        "git checkout": BUILDS,
    },
    "evidence-sources.md": {
        "aws cloudformation create-stack-set": ORGANIZATION,
        "aws cloudformation create-stack-instances": ORGANIZATION,
        "aws cloudformation list-stack-instances": ORGANIZATION,
    },
    "moving.md": {
        "sam delete": REMOVES,
        "STACK=onlooker-next": MOVES,
        "deploy --parameter-overrides ExistingBucket": MOVES,
        "delete_set onlooker-rule": ORGANIZATION,
        "delete_set onlooker-role": ORGANIZATION,
    },
    "runbook.md": {
        "aws sqs start-message-move-task": MOVE_TASKS,
        "aws sqs list-message-move-tasks": MOVE_TASKS,
        "aws stepfunctions redrive-execution": "the emulator redrives no execution of a state machine",
    },
}

# What the page says that a command prints: a pattern that has to occur in the output.
PRINTS = {
    "deployment.md": {
        "aws sts get-caller-identity": rf"^{HOME_ACCOUNT}\s+arn:aws:",
        "aws cloudtrail describe-trails": r"\|\s+True\|\s+TRAIL\s+\|.*\|\s+True\s+\|",
        "aws sns list-subscriptions-by-topic": r"PendingConfirmation|arn:aws:sns:",
        "onlooker doctor --deploy": r"ok +cargo-lambda +cargo-lambda \d",
        "onlooker --config onlooker.toml config validate": r"^onlooker\.toml: valid",
        "aws cloudtrail get-trail-status": r"^True\s",
        "aws cloudtrail get-event-selectors": r'"IncludeManagementEvents": true',
        "aws sns publish": r'"MessageId"',
        "aws stepfunctions start-execution": r'"executionArn"',
        "onlooker report --remote --list": r"\bINSUFFICIENT_EVIDENCE\b",
        "aws s3 ls --recursive": r"reports/account=\S+\.json\n",
        "eval": r"^http\S+report\.html\?",
        "output DashboardUrl": r"^https://\S+#dashboards/dashboard/onlooker$",
        "run ": r"^None\n\{",
        "curl": r'^\{"valid":1,',
        'aws s3 ls "s3://$(output Bucket)/backups/"': r"PRE \d{8}T\d{6}Z-",
        "aws cloudformation list-stack-resources": r"(?s)onlooker-bucket.*onlooker-Table",
        "onlooker --version": r"^onlooker \d+\.\d+\.\d+\n",
    },
    "evidence-sources.md": {
        'echo "$PULL"': r"^arn:aws:iam::\S+ arn:aws:iam::\S+ arn:aws:events:\S+$",
        "run pull": r"^None\n\{",
    },
    "moving.md": {'echo "$BUCKET" "$TABLE"': r"^\S+ \S+$"},
    "runbook.md": {
        "run ": r"^None\n\{",
        "aws cloudwatch describe-alarms": r"INSUFFICIENT_DATA .* See docs/runbook\.md, ",
        """aws dynamodb get-item --table-name "$(output Table)" --key '{"pk": {"S": "STATUS"}""":
            r"^INSUFFICIENT_EVIDENCE\tNone\t\S+Z\treports/\S+\.json$",
        'aws sqs receive-message --queue-url "$(output LogDeadLetterQueueUrl)"': r'"Body": ',
        'aws sqs receive-message --queue-url "$(output DeadLetterQueueUrl)" --max-number-of-messages': "requestContext.*functionArn.*-watch",
        "aws scheduler list-schedules": r"onlooker-\S+ *\| *DISABLED",
        "onlooker --config onlooker.toml config validate": r"^onlooker\.toml: valid",
        'aws s3 ls "s3://$(output Bucket)/backups/"': r"PRE \d{8}T\d{6}Z-",
        "aws s3api list-object-versions": r"(?m)^\| ",
    },
}

WARNED = "the exit code 1 is a warning: the evidence of the tests is a few hours long, and zig is a module of Python here"
STATUSES, OF_THE_STATUS = (0, 1, 3), "the exit code is that of the status of the report"
# Commands with another exit code than 0 that the page or the help explains.
EXIT_CODES = {
    "deployment.md": {
        "onlooker doctor --deploy": ((0, 1), WARNED),
        "onlooker doctor --stack": ((0, 1), WARNED),
        "onlooker health": ((0, 1, 2), "the exit code is the health, and the evidence of the tests is a few hours long"),
        "onlooker report --remote": (STATUSES, OF_THE_STATUS),
    },
    "evidence-sources.md": {},
    "moving.md": {},
    "runbook.md": {"onlooker report --remote": (STATUSES, OF_THE_STATUS)},
}


def page(name):
    return (ROOT / "docs" / name).read_text()


def begins(table, name, command):
    """The beginning of a command that is a key of a table of a page, or `None`."""
    return next((begin for begin in table[name] if command.startswith(begin)), None)


def all_commands():
    """Each command of the pages, with its page."""
    for name in PAGES:
        for block in blocks(page(name)):
            for command in commands(block):
                yield name, command


class Template(yaml.SafeLoader):
    """Reads a template of CloudFormation. Of a function, such as `!Sub`, only that there is one."""


Template.add_multi_constructor("!", lambda *_: None)


def parameters(template):
    return yaml.load((ROOT / template).read_text(), Template)["Parameters"]
