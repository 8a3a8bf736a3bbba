"""What all tests of the deployed stack start from."""

import contextlib
import copy
import json
import time
import unittest

import trail
from stage import FUNCTIONS, STACK, until


class Case(unittest.TestCase):
    """A test on a stack without evidence, state, messages and faults."""

    stage = None
    maxDiff = 4000

    def setUp(self):
        self.stage.clear()
        # The clock of the functions is the machine's: windows lie before it, in whole hours.
        self.now = int(time.time())
        self.hour = self.now // 3600 * 3600

    def configure(self, *names, **variables):
        for name in names or FUNCTIONS:
            self.stage.configure(name, **{f"ONLOOKER_{key}": value for key, value in variables.items()})
        return {f"ONLOOKER_{key}": value for key, value in variables.items()}

    def invoke(self, name, payload=None):
        """Invokes a function that must not fail."""
        answer, error = self.stage.invoke(name, payload)
        self.assertIsNone(error)
        return answer

    def sweep_until(self, moment, places, may_fail=False):
        """Pulls until every lane has closed its slices up to a moment. A run whose lane failed is an error; the next goes on."""

        def behind():
            _, error = self.stage.invoke("sweep")
            if not may_fail:
                self.assertIsNone(error)
            return all((self.checkpoint(*place) or "") >= trail.stamp(moment) for place in places)

        until(f"lanes to reach {trail.stamp(moment)}", behind, 240, every=1)

    def checkpoint(self, account, region):
        found = self.stage.items(f"ACCOUNT_REGION#{account}#{region}", "CHECKPOINT")
        return found[0]["body"]["until"] if found else None

    def physical(self, logical):
        found = self.stage.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=logical
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    @contextlib.contextmanager
    def lacking(self, function, action):
        """A time in which the role of a function may not do something."""
        iam = self.stage.client("iam")
        role, policy = self.physical(f"{function.title()}Role"), {"PolicyName": function}
        whole = iam.get_role_policy(RoleName=role, **policy)["PolicyDocument"]
        less = copy.deepcopy(whole)
        for statement in less["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [one for one in actions if one != action]
        less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
        self.assertNotEqual(less, whole, f"{function} has no {action}")
        iam.put_role_policy(RoleName=role, PolicyDocument=json.dumps(less), **policy)
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyDocument=json.dumps(whole), **policy)

    def without(self, function, action, payload):
        """What a function fails with when its role may no longer do something."""
        with self.lacking(function, action):
            _, error = self.stage.invoke(function, payload)
        self.assertIsNotNone(error, f"{function} works without {action}")
        return error

    def assert_same(self, report, expected):
        """The same result, byte for byte; told by what differs, not by hashes alone."""
        if report["id"] != expected["id"]:
            for part in expected["result"]:
                self.assertEqual(report["result"][part], expected["result"][part], part)
        self.assertEqual(report["id"], expected["id"])
        self.assertEqual(json.dumps(report["result"]), json.dumps(expected["result"]))


def notice(key, bucket, size=0, etag=""):
    """A log object, announced as EventBridge announces it."""
    return json.dumps({
        "version": "0",
        "id": trail.name("notice", key),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": trail.HOME,
        "time": trail.stamp(time.time()),
        "region": trail.REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": size, "etag": etag, "sequencer": "1"},
            "reason": "PutObject",
        },
    })
