"""What fails, dies or is forbidden: nothing is lost, nothing counts twice, and the report says what is missing."""

import json

import trail
from case import Case, notice
from stage import TRAIL_BUCKET, until
from trail import HOME, REGION, Trail

LOOKUP = {"DELIVERY_COUNTS_FROM": "", "LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "3"}


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600
        self.visibility("1")
        self.addCleanup(self.visibility, "1080")

    def visibility(self, seconds):
        self.stage.client("sqs").set_queue_attributes(
            QueueUrl=self.stage.outputs["LogQueueUrl"], Attributes={"VisibilityTimeout": seconds}
        )

    def announce(self, *keys):
        for key in keys:
            self.stage.client("sqs").send_message(
                QueueUrl=self.stage.outputs["LogQueueUrl"], MessageBody=notice(key, TRAIL_BUCKET)
            )

    def test_05_poison_ends_in_the_dead_letters_and_in_coverage(self):
        made = Trail("poison", *self.window, 200)
        objects = made.objects()
        gone = trail.key(HOME, REGION, self.window[0] + 60, mark="gone")
        damaged = trail.key(HOME, REGION, self.window[0] + 120, mark="damaged")
        self.stage.deliver(objects | {damaged: b"\x1f\x8b this is no gzip"})
        self.announce(gone)
        until("the dead letters", lambda: self.stage.waiting("LogDeadLetterQueueUrl") == 2, 60)
        self.stage.drained()
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        named = json.dumps(report["run"]["unreadable"])
        self.assertIn(gone, named)
        self.assertIn(damaged, named)
        self.assertEqual(report["result"]["totals"]["events"], 200)
        letters = self.stage.client("sqs").receive_message(
            QueueUrl=self.stage.outputs["LogDeadLetterQueueUrl"], MaxNumberOfMessages=10
        )["Messages"]
        said = "".join(letter["Body"] for letter in letters)
        self.assertTrue(gone in said and damaged in said, said)

    # Five telling moments; all others are tried in-process, one by one.
    def killed(self, service, action, effect, path="", first=1):
        rule = self.stage.proxy.rule(service, action, effect, first=first, path=path)
        return lambda: self.assertGreaterEqual(rule.seen, first, f"{service} {action} was never called")

    def ingest_all(self, seed, *kill):
        made = Trail(seed, *self.window, 200, violations=1)
        objects = made.objects()
        met = self.killed(*kill)
        self.stage.deliver(objects)
        self.stage.drained(90)
        met()
        self.assert_same(self.stage.report(*self.window), self.stage.expected(objects, *self.window))
        self.assertEqual(self.stage.waiting("LogDeadLetterQueueUrl"), 0)

    def test_07_a_kill_after_evidence_was_stored_changes_nothing(self):
        self.ingest_all("kill-a", "s3", "PutObject", "kill-after", "evidence/")

    def test_07_a_kill_before_evidence_was_indexed_changes_nothing(self):
        self.ingest_all("kill-b", "dynamodb", "UpdateItem", "kill-before")

    def test_07_a_kill_between_index_items_changes_nothing(self):
        self.ingest_all("kill-c", "dynamodb", "UpdateItem", "kill-after", "", 2)

    def test_07_a_kill_before_the_checkpoint_was_written_changes_nothing(self):
        made = Trail("kill-d", *self.window, 200)
        for one in made.records:
            self.stage.history.add(one)
        self.configure(**LOOKUP)
        met = self.killed("dynamodb", "UpdateItem", "kill-before", first=6)
        _, error = self.stage.invoke("sweep")
        self.assertIsNotNone(error)
        met()
        # A lease of the dead lasts as long as its holder might have lived; another run would wait for it.
        self.release()
        self.sweep_until(self.window[1], [(HOME, REGION), (HOME, trail.GLOBAL)])
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["totals"]["events"], 200)

    def release(self):
        for region in (REGION, trail.GLOBAL):
            self.stage.client("dynamodb").delete_item(
                TableName=self.stage.outputs["Table"], Key={"pk": {"S": f"ACCOUNT_REGION#{HOME}#{region}"}, "sk": {"S": "LEASE"}}
            )

    def test_07_a_kill_after_the_report_was_stored_changes_nothing(self):
        made = Trail("kill-e", *self.window, 200, violations=1)
        objects = made.objects()
        self.stage.deliver(objects)
        self.stage.drained()
        met = self.killed("s3", "PutObject", "kill-after", "reports/")
        asked = {"since": trail.stamp(self.window[0]), "until": trail.stamp(self.window[1])}
        _, error = self.stage.invoke("report", asked)
        self.assertIsNotNone(error)
        met()
        self.assert_same(self.stage.report(*self.window), self.stage.expected(objects, *self.window))
        self.assertEqual(len(self.stage.revisions(*self.window)), 1)

    def test_08_s3_and_dynamodb_failing_lose_nothing(self):
        made = Trail("outage", *self.window, 200)
        objects = made.objects()
        # More often than a client tries again, and fewer than a message is delivered.
        for service, action, effect in (
            ("s3", "GetObject", "fail"), ("s3", "PutObject", "throttle"), ("dynamodb", "UpdateItem", "throttle"),
            ("dynamodb", "Query", "fail"),
        ):
            with self.subTest(service=service, action=action, effect=effect):
                self.stage.clear()
                # Longer than a client goes on trying: else two functions have the same message, one in vain.
                self.visibility("8")
                rule = self.stage.proxy.rule(service, action, effect, count=5)
                self.stage.deliver(objects)
                self.stage.drained(120)
                self.assertGreaterEqual(rule.seen, 5)
                self.stage.proxy.reset()
                self.assertEqual(self.stage.waiting("LogDeadLetterQueueUrl"), 0)
                report = self.stage.report(*self.window)
                self.assert_same(report, self.stage.expected(objects, *self.window))

    def test_08_what_was_not_read_yet_is_insufficient_evidence(self):
        made = Trail("late", *self.window, 200)
        objects = made.objects()
        rule = self.stage.proxy.rule("s3", "GetObject", "fail", count=1_000_000, path=TRAIL_BUCKET)
        self.stage.deliver(objects)
        until("reads to fail", lambda: rule.seen > 3, 60)
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        self.stage.drained(120)
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        # The operator mends it and has the dead letters delivered again.
        self.stage.proxy.drop(rule)
        self.redrive()
        self.stage.drained()
        self.assert_same(self.stage.report(*self.window), self.stage.expected(objects, *self.window))

    def redrive(self):
        """Sends the dead letters again, as StartMessageMoveTask does at AWS."""
        sqs, dead = self.stage.client("sqs"), self.stage.outputs["LogDeadLetterQueueUrl"]
        while letters := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
            for letter in letters:
                sqs.send_message(QueueUrl=self.stage.outputs["LogQueueUrl"], MessageBody=letter["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])

    def test_08_cloudtrail_failing_throttling_and_denying_loses_nothing(self):
        made = Trail("history-outage", *self.window, 200)
        for one in made.records:
            self.stage.history.add(one)
        self.configure(**LOOKUP)
        self.stage.history.fail(*["AccessDeniedException"] * 8)
        _, error = self.stage.invoke("sweep")
        self.assertIn("cloudtrail:LookupEvents", json.dumps(error))
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        self.stage.history.reset_faults()
        self.stage.history.fail("InternalFailure", "ThrottlingException", "ServiceUnavailable", "ThrottlingException")
        self.sweep_until(self.window[1], [(HOME, REGION)], may_fail=True)
        report = self.stage.report(*self.window)
        self.assertEqual(report["result"]["totals"]["events"], 200)

    def test_08_a_call_that_is_never_answered_loses_nothing(self):
        made = Trail("silence", *self.window, 100)
        objects = made.objects()
        for service, action in (("s3", "GetObject"), ("dynamodb", "UpdateItem"), ("s3", "PutObject")):
            self.stage.proxy.rule(service, action, "timeout")
        self.stage.deliver(objects)
        self.stage.drained(150)
        self.assert_same(self.stage.report(*self.window), self.stage.expected(objects, *self.window))
