"""Evaluations of watched principals with IAM: statuses, missing permissions, throttling, policies over time."""

import json
import os
import subprocess

import trail
from case import StackTestCase
from deployment import onlooker_binary
from trail import HOME_ACCOUNT, REGION, Trail

TRUST_POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
]}
READS = ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListAllMyBuckets"]
# The operations that the configuration requires to work.
REQUIRED_READS = "sts:GetCallerIdentity,ec2:DescribeRegions,s3:ListBuckets"
HOUR = 3600


def policy(*statements):
    """A policy that allows the actions of each statement on all resources, or denies them if the first one is `!`."""
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny" if actions[0] == "!" else "Allow", "Action": actions[1:] if actions[0] == "!" else actions,
         "Resource": "*"}
        for actions in statements
    ]})


def arn(role):
    return f"arn:aws:iam::{HOME_ACCOUNT}:role/{role}"


class Permissions(StackTestCase):
    def setUp(self):
        super().setUp()
        self.iam = self.deployment.client("iam")

    def role(self, name, *statements, boundary=None):
        """Creates a role with one inline policy. The test deletes it when it ends."""
        more = {"PermissionsBoundary": boundary} if boundary else {}
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_POLICY), **more)
        self.addCleanup(self.iam.delete_role, RoleName=name)
        self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        self.addCleanup(self.iam.delete_role_policy, RoleName=name, PolicyName="inline")
        return arn(name)

    def watch(self, *patterns, **variables):
        self.configure("permissions", WATCH=",".join(patterns), **variables)

    def statuses(self, payload=None):
        response = self.invoke("permissions", payload)
        self.assertEqual(response["failed"], [])
        return {one["principal"]: one for one in response["principals"]}

    def evaluation(self, principal):
        """The last evaluation of a principal, from the report of the run."""
        [latest] = [item["body"] for item in self.deployment.items("PERMISSIONS") if item["body"]["principal"] == principal]
        report = json.loads(self.deployment.read(latest["report_key"]))
        [found] = [one["permissions"] for one in report["principals"]
                   if one["permissions"]["identity"]["arn"] == principal]
        return found

    def permission_checks(self, principal, count=3):
        found = self.evaluation(principal)["permission_checks"][:count]
        return {f"{one['service']}:{one['operation']}": one["status"] for one in found}

    def test_11_permissions_each_kind_of_principal_gets_its_status(self):
        boundary = self.iam.create_policy(PolicyName="E2eBoundary", PolicyDocument=policy(READS))["Policy"]["Arn"]
        self.addCleanup(self.iam.delete_policy, PolicyArn=boundary)
        reader, admin = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"])
        bound = self.role("E2eBound", ["*"], ["!", "s3:ListAllMyBuckets"], boundary=boundary)
        missing = arn("E2eMissing")
        self.watch(reader, admin, bound, missing, PERMISSIONS_SIMULATE="false", PERMISSIONS_READS=REQUIRED_READS)
        # The emulator leaves permissions boundaries out of GetAccountAuthorizationDetails, and not out of GetRole.
        with self.without_permission("permissions", "iam:GetAccountAuthorizationDetails"):
            found = self.statuses()
        self.assertEqual({principal: one["overall_status"] for principal, one in found.items()}, {
            reader: "VALID", admin: "OVER_PRIVILEGED", bound: "PARTIAL", missing: "INVALID",
        })
        self.assertIn(HOME_ACCOUNT, found[missing]["reason"])
        self.assertEqual(self.permission_checks(bound), {
            "ec2:DescribeRegions": "PASSED", "s3:ListBuckets": "FAILED", "sts:GetCallerIdentity": "PASSED",
        })
        # The function notifies once of each over-privileged principal.
        calls = self.deployment.proxy.calls
        self.assertEqual((calls["sns", "Publish"], calls["events", "PutEvents"]), (1, 1))
        with self.without_permission("permissions", "iam:GetAccountAuthorizationDetails"):
            self.statuses()
        self.assertEqual((calls["sns", "Publish"], calls["events", "PutEvents"]), (1, 1))
        # The store has one snapshot of each principal, although two runs read the policies.
        records = [item["body"] for item in self.deployment.items("POLICIES")]
        self.assertEqual({one["principal"] for one in records}, {reader, admin, bound})
        self.assertEqual(sorted(one["key"] for one in records), self.deployment.keys("policies/"))
        snapshot = json.loads(self.deployment.read(next(one["key"] for one in records if one["principal"] == bound)))
        self.assertEqual(json.loads(snapshot["permissions_boundary"]["text"]), json.loads(policy(READS)))
        run = self.deployment.items("RUN#permissions", "LATEST")[0]["body"]
        self.assertEqual((run["metrics"]["over_privileged"], run["metrics"]["principals"]), (1, 4))

    def test_11_permissions_the_simulator_is_compared(self):
        boundary = self.iam.create_policy(PolicyName="E2eBoundary", PolicyDocument=policy(READS))["Policy"]["Arn"]
        self.addCleanup(self.iam.delete_policy, PolicyArn=boundary)
        reader, bound = self.role("E2eReader", READS), self.role("E2eBound", ["*"], boundary=boundary)
        self.watch(reader, bound)
        with self.without_permission("permissions", "iam:GetAccountAuthorizationDetails"):
            found = self.statuses()
        # The emulator's simulator ignores permissions boundaries. It allows more, so the result is indeterminate.
        self.assertEqual(found[reader]["overall_status"], "VALID")
        self.assertEqual(found[bound]["overall_status"], "INDETERMINATE")
        simulation = self.evaluation(reader)["simulation"]
        self.assertGreater(simulation["compared"], 300)
        self.assertEqual(
            (simulation["agreed"], simulation["conflicts"], simulation["incomplete_reason"]), (simulation["compared"], [], None)
        )
        self.assertGreater(len(self.evaluation(bound)["simulation"]["conflicts"]), 300)
        calls = self.deployment.proxy.calls["iam", "SimulatePrincipalPolicy"]
        self.assertGreaterEqual(calls, 8)
        # The function does not simulate unchanged policies again.
        with self.without_permission("permissions", "iam:GetAccountAuthorizationDetails"):
            self.statuses()
        self.assertEqual(self.deployment.proxy.calls["iam", "SimulatePrincipalPolicy"], calls)

    def test_11_permissions_a_missing_permission_is_named(self):
        reader, admin = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"])
        self.watch(reader)
        before = self.statuses()[reader]
        # Without the list of the account, the function reads principals with a full ARN one by one, with the same result.
        list_all = "iam:GetAccountAuthorizationDetails"
        with self.without_permission("permissions", list_all):
            self.assertEqual(self.statuses()[reader]["policies_sha256"], before["policies_sha256"])
        self.watch("arn:aws:iam::*:role/E2e*")
        for action, error_type in [
            (list_all, "PrincipalFailed"),
            ("dynamodb:Query", "PrincipalFailed"),
            ("dynamodb:UpdateItem", "PrincipalFailed"),
            ("sns:Publish", "PrincipalFailed"),
            ("s3:PutObject", "AccessDenied"),
        ]:
            with self.subTest(action=action):
                self.clear_state()
                error = self.assert_permission_is_required("permissions", action, {})
                self.assertEqual(error["errorType"], error_type, error["errorMessage"])
                self.assertIn(action, error["errorMessage"])
        # A simulation that is not possible is reported, and is not a failure.
        self.clear_state()
        with self.without_permission("permissions", "iam:SimulatePrincipalPolicy"):
            self.assertEqual(self.statuses()[admin]["overall_status"], "OVER_PRIVILEGED")
        simulation = self.evaluation(reader)["simulation"]
        self.assertEqual(simulation["compared"], 0)
        self.assertIn("iam:SimulatePrincipalPolicy", simulation["incomplete_reason"])

    def test_11_permissions_a_throttled_account_is_indeterminate(self):
        reader = self.role("E2eReader", READS)
        self.watch(reader)
        self.statuses()
        seen = self.deployment.items("POLICIES")[0]["body"]["last_seen"]
        rule = self.deployment.proxy.rule("iam", "GetAccountAuthorizationDetails", "throttle", count=100)
        _, error = self.deployment.invoke("permissions")
        self.assertEqual(error["errorType"], "PrincipalFailed")
        self.assertIn("Throttling", error["errorMessage"])
        self.assertEqual(rule.seen, 5)
        [latest] = [item["body"] for item in self.deployment.items("PERMISSIONS")]
        self.assertEqual((latest["overall_status"], latest["last_status"]), (None, "VALID"))
        self.assertEqual(latest["policies"]["last_seen"], seen)
        report = json.loads(self.deployment.read(latest["report_key"]))
        self.assertGreaterEqual(report["failed"][0]["last_seen_seconds_ago"], 15)
        self.deployment.proxy.remove_rule(rule)
        # The function retries a few throttled calls.
        rule = self.deployment.proxy.rule("iam", "GetAccountAuthorizationDetails", "throttle", count=2)
        self.assertEqual(self.statuses()[reader]["overall_status"], "VALID")
        self.assertEqual(rule.seen, 3)

    def test_11_permissions_probes_run_as_the_caller(self):
        own = self.deployment.configuration("permissions")["Role"]
        self.watch(own, PERMISSIONS_SIMULATE="false", PERMISSIONS_READS=REQUIRED_READS)
        self.statuses()
        self.assertEqual(set(self.permission_checks(own).values()), {"PASSED"})
        self.assertEqual(self.deployment.proxy.calls["ec2", "DescribeRegions"], 1)
        self.deployment.proxy.rule("ec2", "DescribeRegions", "throttle", count=100)
        with self.without_permission("permissions", "s3:ListAllMyBuckets"):
            self.statuses()
        self.assertEqual(self.permission_checks(own), {
            "ec2:DescribeRegions": "ERROR", "s3:ListBuckets": "FAILED", "sts:GetCallerIdentity": "PASSED",
        })
        messages = " ".join(one["message"] for one in self.evaluation(own)["permission_checks"][:3])
        self.assertIn("s3:ListAllMyBuckets", messages)
        self.assertIn("Throttling", messages)

    def test_11_permissions_the_command_line_agrees(self):
        reader, admin, missing = self.role("E2eReader", READS), self.role("E2eAdmin", ["*"]), arn("E2eMissing")
        self.watch(reader, admin, missing)
        function = self.statuses()
        for principal, code in [(reader, 0), (admin, 1), (missing, 1)]:
            output, done = self.run_onlooker("--principal", principal)
            self.assertEqual(done.returncode, code, done.stderr)
            [one] = output["principals"]
            expected = function[principal]
            self.assertEqual(
                (one["identity"]["arn"], one["overall_status"], one["policies_sha256"]),
                (principal, expected["overall_status"], expected["policies_sha256"]),
            )
            if principal != missing:
                self.assertGreater(one["simulation"]["compared"], 300)
        # Without a principal, the command evaluates its caller: here the root user, with the reads that it probes.
        output, done = self.run_onlooker()
        self.assertIsNotNone(output, done.stderr)
        [caller] = output["principals"]
        self.assertEqual((caller["identity"]["arn"], done.returncode), (f"arn:aws:iam::{HOME_ACCOUNT}:root", 1))
        self.assertEqual({one["status"] for one in caller["permission_checks"][:3]}, {"PASSED"})
        # A pattern without a match, and an account that cannot be read, have no evaluation.
        output, done = self.run_onlooker("--principal", "arn:aws:iam::*:role/missing-*")
        self.assertEqual((output["missing"], output["principals"]), (["arn:aws:iam::*:role/missing-*"], []))
        _, done = self.run_onlooker("--principal", "arn:aws:iam::444455556666:role/Auditor")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("lookup.role", done.stderr)

    def run_onlooker(self, *arguments):
        """Runs `onlooker permissions` as the root user of the account. Returns its output and the ended process."""
        done = subprocess.run(
            [onlooker_binary(), "permissions", "--json", "--quiet", *arguments],
            env={"PATH": os.environ["PATH"], "ONLOOKER_PERMISSIONS_READS": REQUIRED_READS, "AWS_ENDPOINT_URL": self.deployment.upstream, "AWS_ACCESS_KEY_ID": HOME_ACCOUNT,
                 "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "NO_PROXY": "127.0.0.1"},
            cwd=self.deployment.scratch, capture_output=True, text=True,
        )
        return json.loads(done.stdout or "null"), done

    def test_11_permissions_a_past_window_is_evaluated_with_its_policies(self):
        auditor = self.role("Auditor", READS)
        self.watch(auditor, PERMISSIONS_SIMULATE="false")
        self.statuses()
        self.move_snapshot("1970", self.hour - 8 * HOUR)
        self.iam.put_role_policy(RoleName="Auditor", PolicyName="inline", PolicyDocument=policy(READS, ["s3:PutBucketPolicy"]))
        self.assertEqual(self.statuses()[auditor]["overall_status"], "OVER_PRIVILEGED")
        self.move_snapshot(trail.stamp(self.hour - 7 * HOUR), self.hour - 4 * HOUR)
        self.configure("report", WATCH=auditor)
        old, new = (self.hour - 6 * HOUR, self.hour - 5 * HOUR), (self.hour - 3 * HOUR, self.hour - 2 * HOUR)
        for window in (old, new):
            self.deployment.deliver(Trail("policies", *window, 60).objects())
        self.deployment.wait_until_drained()
        matrices = [self.matrix(window, auditor) for window in (old, new)]
        self.assertEqual([one["overall_status"] for one in matrices], ["VALID", "OVER_PRIVILEGED"])
        hashes = [[policies["sha256"] for policies in one["policies"]] for one in matrices]
        self.assertEqual([len(some) for some in hashes], [1, 1])
        self.assertNotEqual(*hashes)
        # A later evaluation does not change an earlier report.
        before = self.deployment.revisions(*old)
        self.statuses()
        self.assertEqual(self.matrix(old, auditor), matrices[0])
        self.assertEqual(self.deployment.revisions(*old), before)
        # If a stored policy snapshot is gone, the report fails. It does not leave the policies out.
        key = f"policies/{hashes[0][0]}.json"
        versions = self.deployment.client("s3").list_object_versions(
            Bucket=self.deployment.outputs["Bucket"], Prefix=key
        )["Versions"]
        self.deployment.client("s3").delete_object(
            Bucket=self.deployment.outputs["Bucket"], Key=key, VersionId=versions[0]["VersionId"]
        )
        _, error = self.deployment.invoke("report", dict(zip(("since", "until"), map(trail.stamp, old))))
        self.assertEqual(error["errorType"], "NotFound", error)
        self.assertIn(key, error["errorMessage"])

    def matrix(self, window, principal):
        report = self.deployment.report(*window)
        [found] = [one["matrix"] for one in report["result"]["principals"] if one["arn"] == principal]
        return found

    def move_snapshot(self, after, to):
        """Moves the snapshot that was recorded after a time into the past, as if the function had read it then."""
        dynamodb, table = self.deployment.client("dynamodb"), self.deployment.outputs["Table"]
        found = dynamodb.query(
            TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "POLICIES"}},
        )["Items"]
        for item in found:
            principal, since = item["sk"]["S"].split("#")
            if since > after:
                dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
                item["sk"]["S"] = f"{principal}#{trail.stamp(to)}"
                item["body"]["M"]["since"]["S"] = item["body"]["M"]["last_seen"]["S"] = trail.stamp(to)
                dynamodb.put_item(TableName=table, Item=item)

    def clear_state(self):
        """Removes evaluations, simulations and notifications from the table. The bucket keeps its objects."""
        dynamodb, table = self.deployment.client("dynamodb"), self.deployment.outputs["Table"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk, sk"):
            for key in page["Items"]:
                dynamodb.delete_item(TableName=table, Key=key)
