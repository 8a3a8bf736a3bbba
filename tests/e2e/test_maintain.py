"""Maintenance: the audit trail sealed, log files verified, a backup made and restored."""

import trail
from case import StackTestCase
from deployment import TRAIL_BUCKET
from digests import DigestKey, digest_files
from trail import HOME_ACCOUNT, REGION, Trail

DAY = 86_400


class Maintenance(StackTestCase):
    def results(self, response):
        return {record["task"]: record["result"] for record in response["tasks"]}

    def test_14_maintenance_verifies_log_files_seals_backs_up_and_restores(self):
        # Both days are among the verified ones at any time of the day.
        whole, changed = (self.now // DAY - days for days in (3, 2))
        self.configure(DELIVERY_AUTHORITATIVE_FROM=trail.stamp(whole * DAY))
        made = Trail("maintenance", whole * DAY, changed * DAY + DAY, 192)
        log_files, key = made.objects(), DigestKey()
        self.deployment.proxy.public_keys = key.list_public_keys()
        digests = digest_files(log_files, key, whole * DAY, changed * DAY + DAY + 7200, HOME_ACCOUNT, REGION)
        self.deployment.deliver(log_files | digests)
        self.deployment.wait_until_drained()
        # After the functions have read it, one log file of the second day is changed.
        # One of the middle of the day: the first log files also have events of the day before.
        folder = f"/{trail.stamp(changed * DAY)[:10].replace('-', '/')}/"
        of_day = sorted(name for name in log_files if folder in name)
        target = of_day[len(of_day) // 2]
        self.deployment.client("s3").put_object(Bucket=TRAIL_BUCKET, Key=target, Body=trail.gzip_log_file([]))
        self.deployment.wait_until_drained()

        response = self.invoke("maintain")
        self.assertEqual(self.results(response), {
            "audit_trail": "succeeded", "audit_retention": "succeeded", "log_integrity": "problem_found", "evidence": "succeeded",
            "backup": "succeeded", "restore_drill": "succeeded",
        }, response)
        # A second run does what is not done on its day: nothing, unless a day ended between the two.
        ended = {record["ended_at"][:10] for record in response["tasks"]}
        for record in self.invoke("maintain")["tasks"]:
            self.assertNotEqual({record["ended_at"][:10]}, ended, record)
        self.assertTrue(self.deployment.keys("audit/seals/"))
        self.assertEqual(self.deployment.keys("drill/"), [])
        backups = self.deployment.keys("backups/")
        self.assertTrue(any(name.endswith("/manifest.json") for name in backups), backups)

        intact = self.deployment.report(whole * DAY, whole * DAY + DAY)
        self.assertEqual(intact["result"]["coverage"]["log_integrity"]["hours"],
                         {"verified": 24, "unverified": 0, "missing": 0, "tampered": 0})
        self.assertEqual({record["task"] for record in intact["run"]["maintenance"]}, set(self.results(response)))
        tampered = self.deployment.report(changed * DAY, changed * DAY + DAY)
        self.assertGreaterEqual(tampered["result"]["coverage"]["log_integrity"]["hours"]["tampered"], 1)
        self.assertEqual(tampered["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        [named] = {problem["file"] for problem in tampered["result"]["coverage"]["log_integrity"]["verification"]["problems"]
                   if problem["kind"] == "log-file-hash"}
        self.assertTrue(target.endswith(named), named)

        part = next(name for name in backups if name.endswith(".gz"))
        self.deployment.client("s3").delete_object(Bucket=self.deployment.outputs["Bucket"], Key=part)
        drill = self.invoke("maintain", {"tasks": ["restore_drill"]})
        self.assertEqual(self.results(drill), {"restore_drill": "problem_found"}, drill)
        repaired = self.invoke("maintain", {"tasks": ["backup", "restore_drill"]})
        self.assertEqual(self.results(repaired), {"backup": "succeeded", "restore_drill": "succeeded"}, repaired)

    def test_14_maintenance_names_a_missing_permission_and_continues(self):
        for action, task in [("dynamodb:Scan", "backup"), ("s3:DeleteObject", "restore_drill")]:
            with self.subTest(action=action):
                if task == "restore_drill":
                    self.invoke("maintain", {"tasks": ["backup"]})
                error = self.assert_permission_is_required("maintain", action, {"tasks": [task]})
                self.assertEqual(error["errorType"], "MaintenanceFailed")
                self.assertIn(action, error["errorMessage"])
                self.assertIn(task, error["errorMessage"])
        self.assertEqual(self.invoke("maintain", {"tasks": ["audit_trail"]})["tasks"][0]["result"], "succeeded")
