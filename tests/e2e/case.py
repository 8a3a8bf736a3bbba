"""What all tests of the deployed stack start from."""

import json
import time
import unittest

import trail
from stage import FUNCTIONS, until


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
        found = self.stage.items(f"LANE#{account}#{region}", "CHECKPOINT")
        return found[0]["body"]["until"] if found else None

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
