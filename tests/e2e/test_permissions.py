"""What watched principals may do, asked of IAM itself: verdicts, missing permissions, throttling, policies over time."""

import json
import os
import subprocess

import trail
from case import Case
from stage import command_line
from trail import HOME, REGION, Trail

ASSUMED_BY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "sts:AssumeRole"},
]}
READS = ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListAllMyBuckets"]
HOUR = 3600


def policy(*statements):
    """Statements: actions that are allowed on everything, or denied where they begin with `!`."""
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny" if actions[0] == "!" else "Allow", "Action": actions[1:] if actions[0] == "!" else actions,
         "Resource": "*"}
        for actions in statements
    ]})


def arn(role):
    return f"arn:aws:iam::{HOME}:role/{role}"


class Permissions(Case):
    def setUp(self):
        super().setUp()
        self.iam = self.stage.client("iam")

    def role(self, name, *statements, boundary=None):
        """Makes a role with one inline policy, for as long as the test lasts."""
        more = {"PermissionsBoundary": boundary} if boundary else {}
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ASSUMED_BY), **more)
        self.addCleanup(self.iam.delete_role, RoleName=name)
        self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        self.addCleanup(self.iam.delete_role_policy, RoleName=name, PolicyName="inline")
        return arn(name)

    def watch(self, *patterns, **variables):
        self.configure("permissions", WATCH=",".join(patterns), **variables)

    def verdicts(self, payload=None):
        answer = self.invoke("permissions", payload)
        self.assertEqual(answer["failed"], [])
        return {one["principal"]: one for one in answer["principals"]}

    def full(self, principal):
        """The last verdict on a principal, as the report of the run has it."""
        [latest] = [item["body"] for item in self.stage.items("PERMISSIONS") if item["body"]["principal"] == principal]
        report = json.loads(self.stage.read(latest["report"]))
        [found] = [one["permissions"] for one in report["principals"]
                   if one["permissions"]["identity"]["arn"] == principal]
        return found

    def checks(self, principal, count=3):
        found = self.full(principal)["permission_checks"][:count]
        return {f"{one['service']}:{one['operation']}": one["status"] for one in found}

    def test_11_permissions_each_kind_of_principal_gets_its_verdict(self):
        boundary = self.iam.create_policy(PolicyName="E2eBoundary", PolicyDocument=policy(READS))["Policy"]["Arn"]
        self.addCleanup(self.iam.delete_policy, PolicyArn=boundary)
        reader, admin = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"])
        bound = self.role("E2eBound", ["*"], ["!", "s3:ListAllMyBuckets"], boundary=boundary)
        ghost = arn("E2eGhost")
        self.watch(reader, admin, bound, ghost, PERMISSIONS_SIMULATE="false")
        # The emulator leaves boundaries out of the list of the account, and not out of what it says of one role.
        with self.lacking("permissions", "iam:GetAccountAuthorizationDetails"):
            found = self.verdicts()
        self.assertEqual({principal: one["overall_status"] for principal, one in found.items()}, {
            reader: "VALID", admin: "OVER_PRIVILEGED", bound: "PARTIAL", ghost: "INVALID",
        })
        self.assertIn("no such", found[ghost]["statement"])
        self.assertEqual(self.checks(bound), {
            "ec2:DescribeRegions": "PASSED", "s3:ListBuckets": "FAILED", "sts:GetCallerIdentity": "PASSED",
        })
        # Who may write is told of, once.
        calls = self.stage.proxy.calls
        self.assertEqual((calls["sns", "Publish"], calls["events", "PutEvents"]), (1, 1))
        with self.lacking("permissions", "iam:GetAccountAuthorizationDetails"):
            self.verdicts()
        self.assertEqual((calls["sns", "Publish"], calls["events", "PutEvents"]), (1, 1))
        # Snapshots are there, each once, and were seen twice.
        noted = [item["body"] for item in self.stage.items("POLICIES")]
        self.assertEqual({one["principal"] for one in noted}, {reader, admin, bound})
        self.assertEqual(sorted(one["key"] for one in noted), self.stage.keys("policies/"))
        snapshot = json.loads(self.stage.read(next(one["key"] for one in noted if one["principal"] == bound)))
        self.assertEqual(json.loads(snapshot["boundary"]["text"]), json.loads(policy(READS)))
        run = self.stage.items("RUN#permissions", "LATEST")[0]["body"]
        self.assertEqual((run["figures"]["over_privileged"], run["figures"]["principals"]), (1, 4))

    def test_11_permissions_the_simulator_is_a_second_opinion(self):
        boundary = self.iam.create_policy(PolicyName="E2eBoundary", PolicyDocument=policy(READS))["Policy"]["Arn"]
        self.addCleanup(self.iam.delete_policy, PolicyArn=boundary)
        reader, bound = self.role("E2eReader", READS), self.role("E2eBound", ["*"], boundary=boundary)
        self.watch(reader, bound)
        with self.lacking("permissions", "iam:GetAccountAuthorizationDetails"):
            found = self.verdicts()
        # The emulator's simulator knows no boundaries: it says that more is allowed, and then nothing is certain.
        self.assertEqual(found[reader]["overall_status"], "VALID")
        self.assertEqual(found[bound]["overall_status"], "INDETERMINATE")
        opinion = self.full(reader)["second_opinion"]
        self.assertGreater(opinion["asked"], 300)
        self.assertEqual((opinion["agreed"], opinion["dissent"], opinion["unasked"]), (opinion["asked"], [], None))
        self.assertGreater(len(self.full(bound)["second_opinion"]["dissent"]), 300)
        asked = self.stage.proxy.calls["iam", "SimulatePrincipalPolicy"]
        self.assertGreaterEqual(asked, 8)
        # Of policies that did not change it is not asked again.
        with self.lacking("permissions", "iam:GetAccountAuthorizationDetails"):
            self.verdicts()
        self.assertEqual(self.stage.proxy.calls["iam", "SimulatePrincipalPolicy"], asked)

    def test_11_permissions_a_missing_one_is_named(self):
        reader, admin = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"])
        self.watch(reader)
        before = self.verdicts()[reader]
        # Without the list of the account, those named in full are read one by one, and come out the same.
        list_all = "iam:GetAccountAuthorizationDetails"
        with self.lacking("permissions", list_all):
            self.assertEqual(self.verdicts()[reader]["policies_sha256"], before["policies_sha256"])
        self.watch("arn:aws:iam::*:role/E2e*")
        for action, kind in [
            (list_all, "PrincipalFailed"),
            ("dynamodb:Query", "PrincipalFailed"),
            ("dynamodb:UpdateItem", "PrincipalFailed"),
            ("sns:Publish", "PrincipalFailed"),
            ("s3:PutObject", "AccessDenied"),
        ]:
            with self.subTest(action=action):
                self.clear_state()
                error = self.without("permissions", action, {})
                self.assertEqual(error["errorType"], kind, error["errorMessage"])
                self.assertIn(action, error["errorMessage"])
        # An opinion that could not be had is told, and is no failure.
        self.clear_state()
        with self.lacking("permissions", "iam:SimulatePrincipalPolicy"):
            self.assertEqual(self.verdicts()[admin]["overall_status"], "OVER_PRIVILEGED")
        opinion = self.full(reader)["second_opinion"]
        self.assertEqual(opinion["asked"], 0)
        self.assertIn("iam:SimulatePrincipalPolicy", opinion["unasked"])

    def test_11_permissions_a_throttled_account_claims_nothing(self):
        reader = self.role("E2eReader", READS)
        self.watch(reader)
        self.verdicts()
        seen = self.stage.items("POLICIES")[0]["body"]["last_seen"]
        rule = self.stage.proxy.rule("iam", "GetAccountAuthorizationDetails", "throttle", count=100)
        _, error = self.stage.invoke("permissions")
        self.assertEqual(error["errorType"], "PrincipalFailed")
        self.assertIn("Throttling", error["errorMessage"])
        self.assertEqual(rule.seen, 5)
        [latest] = [item["body"] for item in self.stage.items("PERMISSIONS")]
        self.assertEqual((latest["overall_status"], latest["last_status"]), (None, "VALID"))
        self.assertEqual(latest["policies"]["last_seen"], seen)
        report = json.loads(self.stage.read(latest["report"]))
        self.assertGreaterEqual(report["failed"][0]["last_seen_seconds_ago"], 15)
        self.stage.proxy.drop(rule)
        # A moment of it is waited for.
        rule = self.stage.proxy.rule("iam", "GetAccountAuthorizationDetails", "throttle", count=2)
        self.assertEqual(self.verdicts()[reader]["overall_status"], "VALID")
        self.assertEqual(rule.seen, 3)

    def test_11_permissions_reads_are_tried_out_as_the_caller(self):
        own = self.stage.configuration("permissions")["Role"]
        self.watch(own, PERMISSIONS_SIMULATE="false", PERMISSIONS_READS="sts:GetCallerIdentity,ec2:DescribeRegions,s3:ListBuckets")
        self.verdicts()
        self.assertEqual(set(self.checks(own).values()), {"PASSED"})
        self.assertEqual(self.stage.proxy.calls["ec2", "DescribeRegions"], 1)
        self.stage.proxy.rule("ec2", "DescribeRegions", "throttle", count=100)
        with self.lacking("permissions", "s3:ListAllMyBuckets"):
            self.verdicts()
        self.assertEqual(self.checks(own), {
            "ec2:DescribeRegions": "ERROR", "s3:ListBuckets": "FAILED", "sts:GetCallerIdentity": "PASSED",
        })
        messages = " ".join(one["message"] for one in self.full(own)["permission_checks"][:3])
        self.assertIn("s3:ListAllMyBuckets", messages)
        self.assertIn("Throttling", messages)

    def test_11_permissions_the_command_line_says_the_same(self):
        reader, admin, ghost = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"]), arn("E2eGhost")
        self.watch(reader, admin, ghost)
        function = self.verdicts()
        for principal, code in [(reader, 0), (admin, 1), (ghost, 1)]:
            told, done = self.ask("--principal", principal)
            self.assertEqual(done.returncode, code, done.stderr)
            [one] = told["principals"]
            expected = function[principal]
            self.assertEqual(
                (one["identity"]["arn"], one["overall_status"], one["policies_sha256"]),
                (principal, expected["overall_status"], expected["policies_sha256"]),
            )
            if principal != ghost:
                self.assertGreater(one["second_opinion"]["asked"], 300)
        # Who asks is judged where nobody is named; here that is the root user, whose reads are tried out.
        told, done = self.ask()
        self.assertIsNotNone(told, done.stderr)
        self.assertEqual((told["principals"][0]["identity"]["arn"], done.returncode), (f"arn:aws:iam::{HOME}:root", 1))
        self.assertEqual({one["status"] for one in told["principals"][0]["permission_checks"][:3]}, {"PASSED"})
        # A pattern that matches nobody, and an account that cannot be read, are no verdicts.
        told, done = self.ask("--principal", "arn:aws:iam::*:role/nobody-*")
        self.assertEqual((told["missing"], told["principals"]), (["arn:aws:iam::*:role/nobody-*"], []))
        _, done = self.ask("--principal", "arn:aws:iam::444455556666:role/Auditor")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("lookup.role", done.stderr)

    def ask(self, *arguments):
        """Runs `onlooker permissions`, as root of the account."""
        done = subprocess.run(
            [command_line(), "permissions", "--json", "--quiet", *arguments],
            env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": self.stage.upstream, "AWS_ACCESS_KEY_ID": HOME,
                 "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "NO_PROXY": "127.0.0.1"},
            cwd=self.stage.scratch, capture_output=True, text=True,
        )
        return json.loads(done.stdout or "null"), done

    def test_11_permissions_a_past_window_is_judged_by_the_policies_of_that_time(self):
        auditor = self.role("Auditor", READS)
        self.watch(auditor, PERMISSIONS_SIMULATE="false")
        self.verdicts()
        self.move("1970", self.hour - 8 * HOUR)
        self.iam.put_role_policy(RoleName="Auditor", PolicyName="inline", PolicyDocument=policy(READS, ["s3:PutBucketPolicy"]))
        self.assertEqual(self.verdicts()[auditor]["overall_status"], "OVER_PRIVILEGED")
        self.move(trail.stamp(self.hour - 7 * HOUR), self.hour - 4 * HOUR)
        self.configure("report", WATCH=auditor)
        old, new = (self.hour - 6 * HOUR, self.hour - 5 * HOUR), (self.hour - 3 * HOUR, self.hour - 2 * HOUR)
        for window in (old, new):
            self.stage.deliver(Trail("policies", *window, 60).objects())
        self.stage.drained()
        told = [self.matrix(window, auditor) for window in (old, new)]
        self.assertEqual([one["overall_status"] for one in told], ["VALID", "OVER_PRIVILEGED"])
        hashes = [[basis["sha256"] for basis in one["policies"]] for one in told]
        self.assertEqual([len(some) for some in hashes], [1, 1])
        self.assertNotEqual(*hashes)
        # What comes later does not change what was said.
        before = self.stage.revisions(*old)
        self.verdicts()
        self.assertEqual(self.matrix(old, auditor), told[0])
        self.assertEqual(self.stage.revisions(*old), before)
        # Policies that are not what was written are an error, and no report without them.
        key = f"policies/{hashes[0][0]}.json"
        versions = self.stage.client("s3").list_object_versions(Bucket=self.stage.outputs["Bucket"], Prefix=key)["Versions"]
        self.stage.client("s3").delete_object(
            Bucket=self.stage.outputs["Bucket"], Key=key, VersionId=versions[0]["VersionId"]
        )
        _, error = self.stage.invoke("report", dict(zip(("since", "until"), map(trail.stamp, old))))
        self.assertEqual(error["errorType"], "NotFound", error)
        self.assertIn(key, error["errorMessage"])

    def matrix(self, window, principal):
        report = self.stage.report(*window)
        [found] = [one["matrix"] for one in report["result"]["principals"] if one["arn"] == principal]
        return found

    def move(self, after, to):
        """Moves the snapshot that was noted after a time into the past, as if it had been read then."""
        dynamodb, table = self.stage.client("dynamodb"), self.stage.outputs["Table"]
        found = dynamodb.query(
            TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "POLICIES"}},
        )["Items"]
        for item in found:
            word, since = item["sk"]["S"].split("#")
            if since > after:
                dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
                item["sk"]["S"] = f"{word}#{trail.stamp(to)}"
                item["body"]["M"]["since"]["S"] = item["body"]["M"]["last_seen"]["S"] = trail.stamp(to)
                dynamodb.put_item(TableName=table, Item=item)

    def clear_state(self):
        """Forgets verdicts, opinions and news, and nothing else."""
        dynamodb, table = self.stage.client("dynamodb"), self.stage.outputs["Table"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk, sk"):
            for key in page["Items"]:
                dynamodb.delete_item(TableName=table, Key=key)
