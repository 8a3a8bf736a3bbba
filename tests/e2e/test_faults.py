"""Failures, kills and denied calls: no evidence is lost or counted twice, and the report names the missing evidence."""

import json

import trail
from case import StackTestCase, s3_event
from deployment import TRAIL_BUCKET, wait_until
from trail import GLOBAL_REGION, HOME_ACCOUNT, REGION, Trail

LOOKUP = {"DELIVERY_AUTHORITATIVE_FROM": "", "LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "3"}


class Faults(StackTestCase):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600
        sqs, queue = self.deployment.client("sqs"), self.deployment.outputs["LogQueueUrl"]
        deployed = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
        self.addCleanup(self.set_visibility_timeout, deployed["VisibilityTimeout"])
        self.addCleanup(self.deployment.limit_concurrency, "ingest", None)
        self.deliver_failed_messages_at_once()

    def deliver_failed_messages_at_once(self):
        """SQS delivers a failed message again after a second, and never while an invocation still works on it.

        With the short visibility timeout alone, a slow machine would deliver a message to a second invocation, send it to the
        dead-letter queue, and let the first invocation record the object as missing after the report on it. With one
        invocation at a time, SQS delivers a message, or moves it to the dead-letter queue, only after the invocation before
        has ended. An empty queue therefore means that no invocation runs.
        """
        self.deployment.limit_concurrency("ingest", 1)
        self.set_visibility_timeout("1")

    def set_visibility_timeout(self, seconds):
        self.deployment.client("sqs").set_queue_attributes(
            QueueUrl=self.deployment.outputs["LogQueueUrl"], Attributes={"VisibilityTimeout": seconds}
        )

    def send_s3_events(self, *keys):
        for key in keys:
            self.deployment.client("sqs").send_message(
                QueueUrl=self.deployment.outputs["LogQueueUrl"], MessageBody=s3_event(key, TRAIL_BUCKET, self.now)
            )

    def test_05_an_unreadable_object_reaches_the_dead_letter_queue_and_coverage(self):
        made = Trail("unreadable", *self.window, 200)
        objects = made.objects()
        missing = trail.key(HOME_ACCOUNT, REGION, self.window[0] + 60, mark="missing")
        damaged = trail.key(HOME_ACCOUNT, REGION, self.window[0] + 120, mark="damaged")
        self.deployment.deliver(objects | {damaged: b"\x1f\x8b this is not gzip"})
        self.send_s3_events(missing)
        wait_until(
            "two messages in the dead-letter queue", lambda: self.deployment.queue_depth("LogDeadLetterQueueUrl") == 2, 240
        )
        self.deployment.wait_until_drained()
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        named = json.dumps(report["run"]["unreadable"])
        self.assertIn(missing, named)
        self.assertIn(damaged, named)
        self.assertEqual(report["result"]["totals"]["events"], 200)
        messages = self.deployment.client("sqs").receive_message(
            QueueUrl=self.deployment.outputs["LogDeadLetterQueueUrl"], MaxNumberOfMessages=10
        )["Messages"]
        bodies = "".join(message["Body"] for message in messages)
        self.assertTrue(missing in bodies and damaged in bodies, bodies)

    # Five moments of a kill. Rust tests try all other moments in one process.
    def kill_at(self, service, action, effect, path="", first=1):
        """Kills the process of a function at a call. Returns a check that the call was made."""
        rule = self.deployment.proxy.rule(service, action, effect, first=first, path=path)
        return lambda: self.assertGreaterEqual(rule.seen, first, f"no function called {service} {action}")

    def ingest_all(self, seed, *kill):
        made = Trail(seed, *self.window, 200, violations=1)
        objects = made.objects()
        check_kill = self.kill_at(*kill)
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        check_kill()
        self.assert_same(self.deployment.report(*self.window), self.deployment.expected_report(objects, *self.window))
        self.assertEqual(self.deployment.queue_depth("LogDeadLetterQueueUrl"), 0)

    def test_07_a_kill_after_evidence_was_stored_changes_nothing(self):
        self.ingest_all("kill-a", "s3", "PutObject", "kill-after", "evidence/")

    def test_07_a_kill_before_evidence_was_indexed_changes_nothing(self):
        self.ingest_all("kill-b", "dynamodb", "UpdateItem", "kill-before")

    def test_07_a_kill_between_index_items_changes_nothing(self):
        self.ingest_all("kill-c", "dynamodb", "UpdateItem", "kill-after", "", 2)

    def test_07_a_kill_before_the_checkpoint_was_written_changes_nothing(self):
        made = Trail("kill-d", *self.window, 200)
        for one in made.records:
            self.deployment.event_history.add(one)
        self.configure(**LOOKUP)
        # The first write of the checkpoint moves it past the first slice, which is stored by then.
        checkpoint = f"ACCOUNT_REGION#{HOME_ACCOUNT}#{REGION}/CHECKPOINT"
        check_kill = self.kill_at("dynamodb", "UpdateItem", "kill-before", checkpoint)
        _, error = self.deployment.invoke("pull")
        self.assertIsNotNone(error)
        check_kill()
        # The lease of a killed run lasts as long as that run could have lived. Another run would wait for its end.
        self.release_leases()
        self.pull_until(self.window[1], [(HOME_ACCOUNT, REGION), (HOME_ACCOUNT, GLOBAL_REGION)])
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["totals"]["events"], 200)

    def release_leases(self):
        for region in (REGION, GLOBAL_REGION):
            self.deployment.client("dynamodb").delete_item(
                TableName=self.deployment.outputs["Table"],
                Key={"pk": {"S": f"ACCOUNT_REGION#{HOME_ACCOUNT}#{region}"}, "sk": {"S": "LEASE"}},
            )

    def test_07_a_kill_after_the_report_was_stored_changes_nothing(self):
        made = Trail("kill-e", *self.window, 200, violations=1)
        objects = made.objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        check_kill = self.kill_at("s3", "PutObject", "kill-after", "reports/")
        request = {"since": trail.stamp(self.window[0]), "until": trail.stamp(self.window[1])}
        _, error = self.deployment.invoke("report", request)
        self.assertIsNotNone(error)
        check_kill()
        self.assert_same(self.deployment.report(*self.window), self.deployment.expected_report(objects, *self.window))
        self.assertEqual(len(self.deployment.revisions(*self.window)), 1)

    def test_08_s3_and_dynamodb_failing_lose_nothing(self):
        made = Trail("outage", *self.window, 200)
        objects = made.objects()
        # Five faults: more than the attempts of one call, and fewer than the deliveries of one message have.
        for service, action, effect in (
            ("s3", "GetObject", "fail"), ("s3", "PutObject", "throttle"), ("dynamodb", "UpdateItem", "throttle"),
            ("dynamodb", "Query", "fail"),
        ):
            with self.subTest(service=service, action=action, effect=effect):
                self.deployment.clear()
                self.deliver_failed_messages_at_once()
                rule = self.deployment.proxy.rule(service, action, effect, count=5)
                self.deployment.deliver(objects)
                self.deployment.wait_until_drained()
                self.assertGreaterEqual(rule.seen, 5)
                self.deployment.proxy.reset()
                self.assertEqual(self.deployment.queue_depth("LogDeadLetterQueueUrl"), 0)
                report = self.deployment.report(*self.window)
                self.assert_same(report, self.deployment.expected_report(objects, *self.window))

    def test_08_unread_objects_are_insufficient_evidence(self):
        made = Trail("late", *self.window, 200)
        # Else the circuit breaker of the reads opens, and for five minutes there is no report either.
        self.configure(MONITORING_CIRCUIT_BREAKER_THRESHOLD="100")
        # Few log files: the function makes several attempts, with pauses between them, for each of them.
        objects = made.objects(seconds=1200)
        rule = self.deployment.proxy.rule("s3", "GetObject", "fail", count=1_000_000, path=TRAIL_BUCKET)
        self.deployment.deliver(objects)
        wait_until("reads to fail", lambda: rule.seen > 3)
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        wait_until(
            "all messages to reach the dead-letter queue",
            lambda: self.deployment.queue_depth("LogDeadLetterQueueUrl") == len(objects),
            300,
        )
        self.deployment.wait_until_drained()
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        # The operator repairs the fault and redrives the messages.
        self.deployment.proxy.remove_rule(rule)
        self.redrive()
        self.deployment.wait_until_drained()
        self.assert_same(self.deployment.report(*self.window), self.deployment.expected_report(objects, *self.window))

    def redrive(self):
        """Moves the messages of the dead-letter queue back to the queue, as StartMessageMoveTask does."""
        sqs, dead_letter_queue = self.deployment.client("sqs"), self.deployment.outputs["LogDeadLetterQueueUrl"]
        while messages := sqs.receive_message(QueueUrl=dead_letter_queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.send_message(QueueUrl=self.deployment.outputs["LogQueueUrl"], MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=dead_letter_queue, ReceiptHandle=message["ReceiptHandle"])

    def test_08_cloudtrail_failing_throttling_and_denying_loses_nothing(self):
        made = Trail("history-outage", *self.window, 200)
        for one in made.records:
            self.deployment.event_history.add(one)
        self.configure(**LOOKUP)
        self.deployment.event_history.fail(*["AccessDeniedException"] * 8)
        _, error = self.deployment.invoke("pull")
        self.assertIn("cloudtrail:LookupEvents", json.dumps(error))
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["summary"]["overall_compliance"], "INSUFFICIENT_EVIDENCE")
        self.deployment.event_history.reset_faults()
        self.deployment.event_history.fail(
            "InternalFailure", "ThrottlingException", "ServiceUnavailable", "ThrottlingException"
        )
        self.pull_until(self.window[1], [(HOME_ACCOUNT, REGION)], may_fail=True)
        report = self.deployment.report(*self.window)
        self.assertEqual(report["result"]["totals"]["events"], 200)

    def test_08_a_circuit_breaker_that_opens_in_one_function_refuses_in_another_and_closes(self):
        self.configure(MONITORING_CIRCUIT_BREAKER_THRESHOLD="1", MONITORING_CIRCUIT_BREAKER_TIMEOUT="86400")
        rule = self.deployment.proxy.rule("s3", "PutObject", "fail", count=1_000_000)
        _, error = self.deployment.invoke("report")
        self.assertIsNotNone(error)
        opened = {item["sk"]: item["body"]["state"] for item in self.deployment.items("BREAKERS")}
        self.assertEqual(opened, {f"s3:PutObject@{REGION}": "open"})
        made = rule.seen
        _, error = self.deployment.invoke("permissions")
        self.assertIn(f"s3:PutObject@{REGION} was not called: its circuit breaker is open until", json.dumps(error))
        self.assertEqual(rule.seen, made)
        # S3 works again, and the time of the breaker is over. The next function makes the probe.
        self.deployment.proxy.remove_rule(rule)
        self.deployment.client("dynamodb").update_item(
            TableName=self.deployment.outputs["Table"],
            Key={"pk": {"S": "BREAKERS"}, "sk": {"S": f"s3:PutObject@{REGION}"}},
            UpdateExpression="SET body.#until = :past",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00Z"}},
        )
        self.invoke("maintain", {"tasks": ["evidence"]})
        self.assertEqual(self.deployment.items("BREAKERS")[0]["body"]["state"], "closed")

    def test_08_a_call_without_a_response_loses_nothing(self):
        made = Trail("no-response", *self.window, 100)
        objects = made.objects()
        for service, action in (("s3", "GetObject"), ("dynamodb", "UpdateItem"), ("s3", "PutObject")):
            self.deployment.proxy.rule(service, action, "timeout")
        self.deployment.deliver(objects)
        # Each of the three calls waits for its read timeout.
        self.deployment.wait_until_drained(400)
        self.assert_same(self.deployment.report(*self.window), self.deployment.expected_report(objects, *self.window))
