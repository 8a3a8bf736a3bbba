"""The partitions of the table that each role allows, a condition that the emulator does not evaluate."""

import json
from fnmatch import fnmatchcase

import trail
from case import StackTestCase
from deployment import FUNCTIONS
from trail import HOME_ACCOUNT, Trail


class TablePermissions(StackTestCase):
    def test_14_functions_use_only_the_partitions_in_their_roles(self):
        window = self.hour - 7200, self.hour - 3600
        self.deployment.deliver(Trail("table-permissions", *window, 60).objects())
        self.deployment.wait_until_drained()
        self.configure("pull", DELIVERY_AUTHORITATIVE_FROM="", LOOKUP_LOOKBACK_HOURS="1", LOOKUP_LAG_MINUTES="1")
        self.invoke("pull")
        violation = trail.record(trail.deterministic_uuid("table-permissions"), self.now, trail.VIOLATION)
        self.invoke("watch", trail.eventbridge_event(violation))
        self.invoke("report")
        self.configure("permissions", WATCH="arn:aws:iam::*:role/Missing")
        self.invoke("permissions")
        self.invoke("maintain")
        for route in ("status", "dashboard", "metrics", "health"):
            self.assertEqual(self.invoke("api", {"route": f"GET /{route}"})["status"], 200, route)
        self.deployment.report(*window)
        used = {}
        for key, partition in self.deployment.proxy.partitions:
            used.setdefault(self.deployment.proxy.callers.get(key, HOME_ACCOUNT), set()).add(partition)
        for name in FUNCTIONS:
            role = self.deployment.configuration(name)["Role"].rsplit("/", 1)[-1]
            named = self.named_partitions(role)
            self.assertTrue(used.get(role), f"{name} sent no request to the table")
            for partition in used[role]:
                # IAM patterns have `*` and `?`. fnmatch also has brackets, which are in none of these keys.
                self.assertTrue(any(fnmatchcase(partition, one) for one in named), f"{name}: {partition}")

    def named_partitions(self, role):
        iam = self.deployment.client("iam")
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        keys = [
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            for statement in document["Statement"] if "dynamodb:Query" in statement["Action"]
        ]
        return [one for some in keys for one in some]
