"""The audit of Onlooker's own roles finds excessive permissions."""

import os
import pathlib
import tempfile
import unittest

import audit
import roles

BINARY = os.environ["ONLOOKER_BINARY"]

PUT_STATEMENT = """              - Sid: WriteEvidence
                Effect: Allow
                Action: s3:PutObject
                Resource:
                  - !Sub arn:${AWS::Partition}:s3:::${BucketName.Value}/evidence/*
"""


class Audit(unittest.TestCase):
    """Each test changes a template as an edit might change it."""

    def setUp(self):
        self.texts = {name: path.read_text() for name, path in audit.TEMPLATES.items()}

    def audited(self, template="template", old=None, new=None):
        if old is not None:
            self.assertIn(old, self.texts[template])
            self.texts[template] = self.texts[template].replace(old, new, 1)
        lines = []
        return audit.audit(BINARY, self.texts, lines.append), "\n".join(lines)

    def test_current_roles_pass(self):
        code, output = self.audited()
        self.assertEqual(code, 0, output)
        self.assertIn("template.everything: ", output)

    def test_a_killed_onlooker_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            killed = pathlib.Path(folder) / "onlooker"
            killed.write_text("#!/bin/sh\nkill -9 $$\n")
            killed.chmod(0o700)
            self.assertEqual(audit.audit(str(killed), self.texts, lambda _: None), 4)

    def test_a_write_to_another_resource_is_found(self):
        code, output = self.audited(old=PUT_STATEMENT, new=PUT_STATEMENT + "                  - arn:aws:s3:::another-bucket/*\n")
        self.assertEqual(code, 1, output)
        self.assertIn("PutObject", output)

    def test_an_undeclared_permission_is_found(self):
        new = "              - {Effect: Allow, Action: iam:PassRole, Resource: \"*\"}\n" + PUT_STATEMENT
        code, output = self.audited(old=PUT_STATEMENT, new=new)
        self.assertEqual(code, 1, output)

    def test_a_wildcard_is_found(self):
        code, output = self.audited(old=PUT_STATEMENT, new=PUT_STATEMENT.replace("s3:PutObject", "s3:*"))
        self.assertEqual(code, 1, output)

    def test_a_write_of_the_role_in_other_accounts_is_found(self):
        code, output = self.audited("member", "Action: cloudtrail:LookupEvents", "Action: cloudtrail:StopLogging")
        self.assertEqual(code, 1, output)

    def test_unresolvable_template_parts_are_refused(self):
        changes = [
            (PUT_STATEMENT, PUT_STATEMENT.replace("!Sub arn:${AWS::Partition}:s3:::${BucketName.Value}/evidence/*", "!ImportValue another-stack")),
            (PUT_STATEMENT, PUT_STATEMENT.replace("BucketName.Value", "Missing.Value")),
            ("      Role: !GetAtt PullRole.Arn\n", ""),
            ("      Description: Looks up CloudTrail events and stores them.\n",
             "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n"),
            ("  PullLogs:\n", "  More:\n    Type: AWS::IAM::Policy\n    Properties: {}\n  PullLogs:\n"),
        ]
        for old, new in changes:
            with self.subTest(new=new):
                self.setUp()
                with self.assertRaises(roles.Unresolved):
                    self.audited(old=old, new=new)

    def test_a_condition_not_tested_both_ways_is_refused(self):
        with self.assertRaises(roles.Unresolved):
            self.audited(old="- !If\n                - HasLookupRole\n", new="- !If\n                - HasAlertEmail\n")


if __name__ == "__main__":
    unittest.main()
