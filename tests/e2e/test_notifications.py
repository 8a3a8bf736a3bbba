"""Notifications: alerts within seconds and changes of status. Published reports are never overwritten."""

import json

import trail
from case import StackTestCase
from deployment import ROOT, wait_until
from trail import GLOBAL_REGION, HOME_ACCOUNT, REGION, Trail


class Notifications(StackTestCase):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600

    def subscribe(self):
        """Subscribes queues to the topic and the bus. Returns functions that receive the messages of each queue.

        The emulator delivers to the queues before it responds to Publish and PutEvents, so no message is still on its way when
        a function has ended.
        """
        sqs, sns, events = (self.deployment.client(name) for name in ("sqs", "sns", "events"))
        bus = self.deployment.outputs["BusArn"].rsplit("/", 1)[-1]

        def queue(name):
            url = sqs.create_queue(QueueName=name)["QueueUrl"]
            self.addCleanup(sqs.delete_queue, QueueUrl=url)
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            return arn, lambda: self.receive_all(url)

        all_messages, receive_messages = queue("all-messages")
        critical_messages, receive_critical = queue("critical-messages")
        all_events, receive_events = queue("all-events")
        for arn, policy in ((all_messages, None), (critical_messages, {"severity": ["CRITICAL"]})):
            attributes = {"FilterPolicy": json.dumps(policy)} if policy else {}
            subscription = sns.subscribe(
                TopicArn=self.deployment.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes=attributes,
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            self.addCleanup(sns.unsubscribe, SubscriptionArn=subscription)
        events.put_rule(Name="all-events", EventBusName=bus, EventPattern=json.dumps({"source": ["onlooker"]}))
        events.put_targets(Rule="all-events", EventBusName=bus, Targets=[{"Id": "1", "Arn": all_events}])
        self.addCleanup(events.delete_rule, Name="all-events", EventBusName=bus)
        self.addCleanup(events.remove_targets, Rule="all-events", EventBusName=bus, Ids=["1"])
        return receive_messages, receive_critical, receive_events

    def receive_all(self, url):
        """Receives and deletes all messages of a queue."""
        sqs, bodies = self.deployment.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(json.loads(message["Body"]))
        return bodies

    def call(self, name, call, role="Auditor", denied=False):
        return trail.record(trail.deterministic_uuid("watched", name), self.now - 20, call, role, denied=denied)

    def test_08_a_status_that_cannot_be_renewed_expires_and_is_notified(self):
        self.fix_window()
        receive_messages, _, receive_events = self.subscribe()
        # The window has the last hour only after the evidence of that hour has had time to arrive, so the trail has 25 hours.
        regions = ((HOME_ACCOUNT, REGION), (HOME_ACCOUNT, GLOBAL_REGION))
        made = Trail("status", self.hour - 25 * 3600, self.hour, 150, regions)
        self.deployment.deliver(made.objects(seconds=3600))
        self.deployment.wait_until_drained()
        current = self.invoke("report")["current_status"]
        self.assertEqual((current["status"], current["reason"]), ("COMPLIANT", None))
        more = trail.record(trail.deterministic_uuid("more"), self.hour - 5400, trail.READS[0])
        self.deployment.deliver({trail.key(HOME_ACCOUNT, REGION, self.hour - 5400, mark="more"): trail.gzip_log_file([more])})
        self.deployment.wait_until_drained()
        rule = self.deployment.proxy.rule("s3", "PutObject", "fail", count=1_000, path="/reports/")
        _, error = self.deployment.invoke("report")
        self.assertEqual((error["errorType"], rule.seen >= 3), ("Unavailable", True), error)
        latest = self.deployment.items("STATUS", "LATEST")[0]["body"]
        self.assertEqual(latest["status"], "INSUFFICIENT_EVIDENCE")
        self.assertIn("s3:PutObject", latest["reason"])
        self.assertEqual(len(self.deployment.items("STATUS", "PENDING#")), 1)
        self.deployment.proxy.remove_rule(rule)
        current = self.invoke("report")["current_status"]
        self.assertEqual((current["status"], current["reason"]), ("COMPLIANT", None))
        self.assertEqual(self.deployment.items("STATUS", "PENDING#"), [])
        events = receive_events()
        issued = [event["detail"] for event in events if event["detail-type"] == "Read-Only Report Issued"]
        newest = json.loads(self.deployment.read("latest/report.json"))
        self.assertIn((newest["id"], newest["run"]["revision"]), [(one["id"], one["revision"]) for one in issued])
        index = self.deployment.read("latest/index.html").decode()
        self.assertEqual(index.count("s3:PutObject"), 1, "the index has a row for the failure")
        self.assertEqual({one["bucket"] for one in issued}, {self.deployment.outputs["Bucket"]})
        changes = [
            (event["detail-type"], event["detail"]["status"]) for event in events if event["detail"] not in issued
        ]
        statuses = ["COMPLIANT", "INSUFFICIENT_EVIDENCE", "COMPLIANT"]
        self.assertEqual(changes, [("Read-Only Status Changed", status) for status in statuses])
        self.assertEqual(len(receive_messages()), 3)

    def test_09_a_violation_sends_one_message_and_one_event_and_a_duplicate_none(self):
        receive_messages, receive_critical, receive_events = self.subscribe()
        calls = {
            "write": self.call("write", trail.VIOLATION),
            "denied": self.call("denied", trail.DENIED_CALL, denied=True),
            "secret": self.call("secret", trail.SECRET),
        }
        for name, call in calls.items():
            response = self.invoke("watch", trail.eventbridge_event(call))
            self.assertEqual(response, {"schema_version": "1.0", "events": 1, "alerts": 1, "notifications_sent": 2}, name)
        without_alert = [self.call("read", trail.READS[0]), self.call("other", trail.VIOLATION, "Deployer")]
        for call in without_alert:
            self.assertEqual(self.invoke("watch", trail.eventbridge_event(call))["alerts"], 0)
        messages, events = receive_messages(), receive_events()
        self.assertEqual((len(messages), len(events)), (3, 3))
        # SQS does not promise an order, so each call looks for its message and its event.
        severities = {}
        required = set(json.loads((ROOT / "docs" / "alert.schema.json").read_text())["required"])
        for name, call in calls.items():
            [message] = [one for one in messages if call["eventID"] in one["Message"]]
            severities[name] = message["MessageAttributes"]["severity"]["Value"]
            self.assertIn(severities[name], ("MEDIUM", "HIGH", "CRITICAL"), name)
            [event] = [one for one in events if one["detail"]["event_id"] == call["eventID"]]
            detail = event["detail"]
            self.assertEqual((event["source"], event["detail-type"]), ("onlooker", "Read-Only Violation Detected"))
            self.assertEqual((detail["account"], detail["region"]), (HOME_ACCOUNT, REGION))
            self.assertEqual(detail["outcome"] == "denied", name == "denied")
            self.assertLessEqual(required, set(detail), name)
        self.assertEqual(severities["write"], "CRITICAL")
        critical = "".join(message["Message"] for message in receive_critical())
        self.assertIn(calls["write"]["eventID"], critical)

        for call in calls.values():
            response = self.invoke("watch", trail.eventbridge_event(call))
            self.assertEqual((response["alerts"], response["notifications_sent"]), (1, 0), "the notifications were sent before")
        self.assertEqual((receive_messages(), receive_critical(), receive_events()), ([], [], []))
        for event in events:
            items = {item["sk"]: item for item in self.deployment.items(f"NOTIFICATION#{event['detail']['id']}")}
            self.assertEqual(sorted(items), ["eventbridge", "sns"])
            for item in items.values():
                self.assertEqual(item["body"]["state"], "sent")
                self.assertGreater(item["ttl"], self.now + 86_400)

    def test_07_a_kill_around_the_notification_loses_no_alert(self):
        receive_messages, _, receive_events = self.subscribe()
        self.addCleanup(self.deployment.configure, "watch", timeout=60)
        for effect, count in (("kill-before", 1), ("kill-after", 2)):
            call = self.call(effect, trail.VIOLATION)
            rule = self.deployment.proxy.rule("sns", "Publish", effect)
            # The claim of the killed run lasts as long as the timeout of its function. The runs after it have the deployed
            # timeout: a slow machine must not end them between the notification and its record.
            self.deployment.configure("watch", timeout=15)
            _, error = self.deployment.invoke("watch", trail.eventbridge_event(call))
            self.assertTrue(error and rule.seen == 1, (effect, error))
            self.deployment.configure("watch", timeout=60)
            succeeds = lambda: self.deployment.invoke("watch", trail.eventbridge_event(call))[1] is None
            wait_until("the claim of the killed run to end", succeeds, every=0.5)
            texts = [message["Message"] for message in receive_messages()]
            self.assertEqual((len(texts), len(set(texts))), (count, 1), "only the interrupted notification is repeated")
            self.assertIn(call["eventID"], texts[0])
            self.assertEqual([event["detail"]["event_id"] for event in receive_events()], [call["eventID"]])
            self.assertEqual(self.invoke("watch", trail.eventbridge_event(call))["notifications_sent"], 0)

    def test_09_the_event_rule_matches_only_api_calls(self):
        events = self.deployment.client("events")
        rule = events.describe_rule(Name=self.physical_id("WatchRule").rsplit("/", 1)[-1])
        self.assertEqual(rule["State"], "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")

        def matches(event):
            return events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]

        call = trail.eventbridge_event(self.call("rule", trail.SECRET))
        service = json.loads(json.dumps(call))
        service["detail"]["userIdentity"] = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
        self.assertTrue(matches(call))
        self.assertFalse(matches(service))
        self.assertFalse(matches(call | {"detail-type": "Object Created"}))
        self.assertFalse(matches(call | {"source": "onlooker"}))

    def test_12_published_reports_are_never_overwritten(self):
        s3, bucket = self.deployment.client("s3"), self.deployment.outputs["Bucket"]
        made = Trail("written", *self.window, 120)
        late = Trail("late", *self.window, 5, violations=1)
        objects = made.objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        first = self.deployment.report(*self.window)
        keys = self.deployment.revisions(*self.window)[0]["keys"]
        kinds = {key.split("/")[0] + "." + key.rsplit(".", 1)[-1] for key in keys}
        self.assertLessEqual({"reports.json", "reports.html", "reports.csv", "findings.jsonl"}, kinds)
        before = {key: self.deployment.read(key) for key in keys}

        self.assertEqual(self.deployment.report(*self.window), first)
        self.assertEqual(len(self.deployment.revisions(*self.window)), 1, "the same result makes no new revision")

        # Late evidence makes a new revision, but another object exists under the key of its report.
        more = {trail.key(HOME_ACCOUNT, REGION, self.window[0], mark="late"): trail.gzip_log_file(late.records)}
        expected = self.deployment.expected_report(objects | more, *self.window)
        occupied = keys[0].replace("_r0001_", "_r0002_").replace(first["id"][:8], expected["id"][:8])
        s3.put_object(Bucket=bucket, Key=occupied, Body=b"{}", IfNoneMatch="*")
        self.deployment.deliver(more)
        self.deployment.wait_until_drained()
        window = dict(zip(("since", "until"), map(trail.stamp, self.window)))
        _, error = self.deployment.invoke("report", window)
        self.assertIn(occupied, error["errorMessage"])
        self.assertEqual(self.deployment.read(occupied), b"{}")
        self.assertEqual(len(self.deployment.items("STATUS", "PENDING#")), 1, "the report is pending")
        s3.delete_object(Bucket=bucket, Key=occupied)

        second = self.deployment.report(*self.window)
        self.assert_same(second, expected)
        self.assertEqual((first["run"]["revision"], second["run"]["revision"]), (1, 2))
        self.assertEqual(self.deployment.items("STATUS", "PENDING#"), [])
        self.assertEqual({key: self.deployment.read(key) for key in keys}, before)
        for prefix in ("reports/", "findings/", "summaries/", "evidence/", "segments/"):
            versions = s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]
            twice = [one["Key"] for one in versions if sum(one["Key"] == other["Key"] for other in versions) > 1]
            self.assertLessEqual(set(twice), {occupied}, "every object is written once")
