"""What the emulator does not evaluate of the roles: which partitions of the table a function may touch."""

import json
from fnmatch import fnmatchcase

import trail
from case import Case
from stage import FUNCTIONS
from trail import HOME, Trail


class Rights(Case):
    def test_14_what_functions_touch_is_what_their_roles_name(self):
        window = self.hour - 7200, self.hour - 3600
        self.stage.deliver(Trail("rights", *window, 60).objects())
        self.stage.drained()
        self.configure("sweep", DELIVERY_COUNTS_FROM="", LOOKUP_LOOKBACK_HOURS="1", LOOKUP_LAG_MINUTES="1")
        self.invoke("sweep")
        self.invoke("watch", trail.envelope(trail.record(trail.name("rights"), self.now, trail.VIOLATION)))
        self.invoke("report")
        self.configure("permissions", WATCH="arn:aws:iam::*:role/nobody")
        self.invoke("permissions")
        self.stage.report(*window)
        used = {}
        for key, partition in self.stage.proxy.partitions:
            used.setdefault(self.stage.proxy.callers.get(key, HOME), set()).add(partition)
        for name in FUNCTIONS:
            role = self.stage.configuration(name)["Role"].rsplit("/", 1)[-1]
            named = self.named(role)
            self.assertTrue(used.get(role), f"{name} was not seen at the table")
            for partition in used[role]:
                # Patterns of IAM know `*` and `?`; those of fnmatch brackets as well, which no key here has.
                self.assertTrue(any(fnmatchcase(partition, one) for one in named), f"{name}: {partition}")

    def named(self, role):
        iam = self.stage.client("iam")
        [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        keys = [
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            for statement in document["Statement"] if "dynamodb:Query" in statement["Action"]
        ]
        return [one for some in keys for one in some]
