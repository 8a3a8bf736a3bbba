"""The audit of Onlooker's own roles finds what it is there to find."""

import os
import pathlib
import tempfile
import unittest

import audit
import roles

BINARY = os.environ["ONLOOKER_BINARY"]

PUT = """              - Sid: KeepEvidence
                Effect: Allow
                Action: s3:PutObject
                Resource:
                  - !Sub ${Bucket.Arn}/evidence/*
"""


class Audit(unittest.TestCase):
    """Each test changes the templates as somebody might."""

    def setUp(self):
        self.texts = {name: path.read_text() for name, path in audit.TEMPLATES.items()}

    def audited(self, template="template", old=None, new=None):
        if old is not None:
            self.assertIn(old, self.texts[template])
            self.texts[template] = self.texts[template].replace(old, new, 1)
        said = []
        return audit.audit(BINARY, self.texts, said.append), "\n".join(said)

    def test_the_roles_as_they_are_do_what_they_are_for(self):
        code, said = self.audited()
        self.assertEqual(code, 0, said)
        self.assertIn("template.everything: ", said)

    def test_a_judge_that_was_killed_has_found_nothing_out(self):
        with tempfile.TemporaryDirectory() as folder:
            killed = pathlib.Path(folder) / "onlooker"
            killed.write_text("#!/bin/sh\nkill -9 $$\n")
            killed.chmod(0o700)
            self.assertEqual(audit.audit(str(killed), self.texts, lambda _: None), 4)

    def test_a_write_elsewhere_is_found(self):
        code, said = self.audited(old=PUT, new=PUT + "                  - arn:aws:s3:::elsewhere/*\n")
        self.assertEqual(code, 1, said)
        self.assertIn("PutObject", said)

    def test_a_right_nobody_declared_is_found(self):
        new = "              - {Effect: Allow, Action: iam:PassRole, Resource: \"*\"}\n" + PUT
        code, said = self.audited(old=PUT, new=new)
        self.assertEqual(code, 1, said)

    def test_a_wildcard_is_found(self):
        code, said = self.audited(old=PUT, new=PUT.replace("s3:PutObject", "s3:*"))
        self.assertEqual(code, 1, said)

    def test_a_write_of_the_role_in_other_accounts_is_found(self):
        code, said = self.audited("member", "Action: cloudtrail:LookupEvents", "Action: cloudtrail:StopLogging")
        self.assertEqual(code, 1, said)

    def test_what_cannot_be_resolved_is_refused(self):
        changes = [
            (PUT, PUT.replace("!Sub ${Bucket.Arn}/evidence/*", "!ImportValue elsewhere")),
            (PUT, PUT.replace("Bucket.Arn", "Nothing.Arn")),
            ("      Role: !GetAtt SweepRole.Arn\n", ""),
            ("      Description: Looks events up, and keeps them.\n",
             "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n"),
            ("  SweepLogs:\n", "  More:\n    Type: AWS::IAM::Policy\n    Properties: {}\n  SweepLogs:\n"),
        ]
        for old, new in changes:
            with self.subTest(new=new):
                self.setUp()
                with self.assertRaises(roles.Unresolved):
                    self.audited(old=old, new=new)

    def test_a_condition_that_is_not_tried_both_ways_is_refused(self):
        with self.assertRaises(roles.Unresolved):
            self.audited(old="- !If\n                - HasRole\n", new="- !If\n                - HasAlertEmail\n")


if __name__ == "__main__":
    unittest.main()
