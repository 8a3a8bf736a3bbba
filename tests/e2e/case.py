"""The base class of all tests of the deployed stack."""

import contextlib
import copy
import json
import time
import unittest

import trail
from deployment import FUNCTIONS, wait_until

# The window of scheduled reports moves LOOKUP_LAG_MINUTES and this many seconds after each full hour: two pulls take ten
# minutes, see `LookupSettings::settling_seconds`.
TWO_PULLS_SECONDS = 600


class StackTestCase(unittest.TestCase):
    """A test on a stack without evidence, state, messages and faults."""

    deployment = None
    maxDiff = 4000

    def setUp(self):
        self.deployment.clear()
        # The functions and the emulator use the clock of this machine, so a test cannot have fixed times. It computes all times
        # from this one reading. Its windows are whole hours that ended before it, and an event that must not be looked up yet
        # is seconds old. So an hour or a day may end while the test runs.
        self.now = int(time.time())
        self.hour = self.now // 3600 * 3600

    def fix_window(self):
        """Chooses the lag of the function `report` so that the window of scheduled reports moves in half an hour or later.

        A test that publishes several scheduled reports needs the same window for all of them. With either lag, the window ends
        at `hour`, or an hour before.
        """
        self.configure(
            "report",
            LOOKUP_LAG_MINUTES=max("15", "45", key=lambda lag: (int(lag) * 60 + TWO_PULLS_SECONDS - self.now) % 3600),
        )

    def configure(self, *names, **variables):
        for name in names or FUNCTIONS:
            self.deployment.configure(name, **{f"ONLOOKER_{key}": value for key, value in variables.items()})
        return {f"ONLOOKER_{key}": value for key, value in variables.items()}

    def invoke(self, name, payload=None):
        """Invokes a function that must not fail. Returns its response."""
        response, error = self.deployment.invoke(name, payload)
        self.assertIsNone(error)
        return response

    def pull_until(self, time_, account_regions, may_fail=False):
        """Pulls until the evidence of every account and Region is complete up to a time.

        A run in which one of them fails is an error. The next run continues.
        """

        def is_complete():
            _, error = self.deployment.invoke("pull")
            if not may_fail:
                self.assertIsNone(error)
            return all((self.checkpoint(*one) or "") >= trail.stamp(time_) for one in account_regions)

        wait_until(f"the checkpoints to reach {trail.stamp(time_)}", is_complete, 300, every=1)

    def checkpoint(self, account, region):
        found = self.deployment.items(f"ACCOUNT_REGION#{account}#{region}", "CHECKPOINT")
        return found[0]["body"]["complete_until"] if found else None

    def physical_id(self, logical_id):
        found = self.deployment.client("cloudformation").describe_stack_resource(
            StackName=self.deployment.stack, LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    @contextlib.contextmanager
    def without_permission(self, function, action):
        """A context in which the role of a function does not have a permission."""
        iam = self.deployment.client("iam")
        role, policy = self.physical_id(f"{function.title()}Role"), {"PolicyName": function}
        complete = iam.get_role_policy(RoleName=role, **policy)["PolicyDocument"]
        reduced = copy.deepcopy(complete)
        for statement in reduced["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [one for one in actions if one != action]
        reduced["Statement"] = [statement for statement in reduced["Statement"] if statement["Action"]]
        self.assertNotEqual(reduced, complete, f"{function} does not have {action}")
        iam.put_role_policy(RoleName=role, PolicyDocument=json.dumps(reduced), **policy)
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyDocument=json.dumps(complete), **policy)

    def assert_permission_is_required(self, function, action, payload):
        """Invokes a function without a permission of its role. Returns the error of the function."""
        with self.without_permission(function, action):
            _, error = self.deployment.invoke(function, payload)
        self.assertIsNotNone(error, f"{function} works without {action}")
        return error

    def assert_same(self, report, expected):
        """Asserts that two reports have the same result, byte for byte. A failure shows the first part that differs."""
        if report["id"] != expected["id"]:
            for part in expected["result"]:
                self.assertEqual(report["result"][part], expected["result"][part], part)
        self.assertEqual(report["id"], expected["id"])
        self.assertEqual(json.dumps(report["result"]), json.dumps(expected["result"]))


def s3_event(key, bucket, at, size=0, etag=""):
    """The EventBridge event of an object that was created at a time."""
    return json.dumps({
        "version": "0",
        "id": trail.deterministic_uuid("s3-event", key),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": trail.HOME_ACCOUNT,
        "time": trail.stamp(at),
        "region": trail.REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": size, "etag": etag, "sequencer": "1"},
            "reason": "PutObject",
        },
    })
