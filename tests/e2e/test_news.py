"""What people and programs are told: alerts within seconds, and reports that nobody can write over."""

import json

import trail
from case import Case
from stage import ROOT, STACK, until
from trail import HOME, REGION, Trail


class News(Case):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600

    def listen(self):
        """Queues at the topic and at the bus, and how to take what came in."""
        sqs, sns, events = (self.stage.client(name) for name in ("sqs", "sns", "events"))
        bus = self.stage.outputs["BusArn"].rsplit("/", 1)[-1]

        def queue(name):
            url = sqs.create_queue(QueueName=name)["QueueUrl"]
            self.addCleanup(sqs.delete_queue, QueueUrl=url)
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            return arn, lambda: self.take(url)

        people, told = queue("people")
        urgent, told_urgent = queue("urgent")
        programs, sent = queue("programs")
        for arn, only in ((people, None), (urgent, {"severity": ["CRITICAL"]})):
            attributes = {"FilterPolicy": json.dumps(only)} if only else {}
            subscription = sns.subscribe(
                TopicArn=self.stage.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes=attributes,
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            self.addCleanup(sns.unsubscribe, SubscriptionArn=subscription)
        events.put_rule(Name="programs", EventBusName=bus, EventPattern=json.dumps({"source": ["onlooker"]}))
        events.put_targets(Rule="programs", EventBusName=bus, Targets=[{"Id": "1", "Arn": programs}])
        self.addCleanup(events.delete_rule, Name="programs", EventBusName=bus)
        self.addCleanup(events.remove_targets, Rule="programs", EventBusName=bus, Ids=["1"])
        return told, told_urgent, sent

    def take(self, url):
        """Takes all messages out of a queue."""
        sqs, bodies = self.stage.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(json.loads(message["Body"]))
        return bodies

    def call(self, name, what, who="Auditor", denied=False):
        return trail.record(trail.name("watched", name), self.now - 20, what, who, denied=denied)

    def test_08_a_claim_that_cannot_be_renewed_is_taken_back_and_everybody_told(self):
        told, _, sent = self.listen()
        # The last hour counts once its evidence has had time to come.
        made = Trail("standing", self.hour - 25 * 3600, self.hour, 100)
        self.stage.deliver(made.objects(seconds=3600))
        self.stage.drained()
        standing = self.invoke("report")["standing"]
        self.assertEqual((standing["status"], standing["reason"]), ("COMPLIANT", None))
        more = trail.record(trail.name("more"), self.hour - 5400, trail.READS[0])
        self.stage.deliver({trail.key(HOME, REGION, self.hour - 5400, mark="more"): trail.pack([more])})
        self.stage.drained()
        rule = self.stage.proxy.rule("s3", "PutObject", "fail", count=1_000, path="/reports/")
        _, error = self.stage.invoke("report")
        self.assertEqual((error["errorType"], rule.seen >= 3), ("Unavailable", True), error)
        latest = self.stage.items("STATUS", "LATEST")[0]["body"]
        self.assertEqual(latest["status"], "INSUFFICIENT_EVIDENCE")
        self.assertIn("s3:PutObject", latest["reason"])
        self.assertEqual(len(self.stage.items("STATUS", "PENDING#")), 1)
        self.stage.proxy.drop(rule)
        standing = self.invoke("report")["standing"]
        self.assertEqual((standing["status"], standing["reason"]), ("COMPLIANT", None))
        self.assertEqual(self.stage.items("STATUS", "PENDING#"), [])
        changes = [(event["detail-type"], event["detail"]["status"]) for event in sent()]
        statuses = ["COMPLIANT", "INSUFFICIENT_EVIDENCE", "COMPLIANT"]
        self.assertEqual(changes, [("Read-Only Status Changed", status) for status in statuses])
        self.assertEqual(len(told()), 3)

    def test_09_a_violation_is_one_message_and_one_event_and_a_duplicate_is_none(self):
        told, told_urgent, sent = self.listen()
        calls = {
            "write": self.call("write", trail.VIOLATION),
            "attempt": self.call("attempt", trail.ATTEMPT, denied=True),
            "secret": self.call("secret", trail.SECRET),
        }
        for name, call in calls.items():
            answer = self.invoke("watch", trail.envelope(call))
            self.assertEqual((answer["events"], answer["alerts"], answer["told"]), (1, 1, 2), name)
        quiet = [self.call("read", trail.READS[0]), self.call("other", trail.VIOLATION, "Deployer")]
        for call in quiet:
            self.assertEqual(self.invoke("watch", trail.envelope(call))["alerts"], 0)
        messages, events = told(), sent()
        self.assertEqual((len(messages), len(events)), (3, 3))
        for name, call, message in zip(calls, calls.values(), messages):
            self.assertIn(call["eventID"], message["Message"], name)
            self.assertIn(message["MessageAttributes"]["severity"]["Value"], ("MEDIUM", "HIGH", "CRITICAL"))
        self.assertEqual(messages[0]["MessageAttributes"]["severity"]["Value"], "CRITICAL")
        self.assertIn(calls["write"]["eventID"], told_urgent()[0]["Message"])
        required = set(json.loads((ROOT / "docs" / "alert.schema.json").read_text())["required"])
        for name, call, event in zip(calls, calls.values(), events):
            detail = event["detail"]
            self.assertEqual((event["source"], event["detail-type"]), ("onlooker", "Read-Only Violation Detected"))
            self.assertEqual((detail["event_id"], detail["account"], detail["region"]), (call["eventID"], HOME, REGION))
            self.assertLessEqual(required, set(detail), name)
        self.assertEqual(events[1]["detail"]["outcome"], "denied")

        for call in calls.values():
            answer = self.invoke("watch", trail.envelope(call))
            self.assertEqual((answer["alerts"], answer["told"]), (1, 0), "it was told before")
        self.assertEqual((told(), told_urgent(), sent()), ([], [], []))
        for event in events:
            items = {item["sk"]: item for item in self.stage.items(f"NOTIFICATION#{event['detail']['id']}")}
            self.assertEqual(sorted(items), ["eventbridge", "sns"])
            for item in items.values():
                self.assertEqual(item["body"]["state"], "told")
                self.assertGreater(item["ttl"], self.now + 86_400)

    def test_07_a_kill_around_the_message_leaves_no_alert_unsaid(self):
        told, _, sent = self.listen()
        # A claim lasts as long as the function may; nobody has to wait for longer here.
        self.stage.configure("watch", timeout=3)
        self.addCleanup(self.stage.configure, "watch", timeout=60)
        for effect, messages in (("kill-before", 1), ("kill-after", 2)):
            call = self.call(effect, trail.VIOLATION)
            rule = self.stage.proxy.rule("sns", "Publish", effect)
            _, error = self.stage.invoke("watch", trail.envelope(call))
            self.assertTrue(error and rule.seen == 1, (effect, error))
            told_again = lambda: self.stage.invoke("watch", trail.envelope(call))[1] is None
            until("the claim of the killed run to end", told_again, 30, 0.5)
            said = [message["Message"] for message in told()]
            self.assertEqual((len(said), len(set(said))), (messages, 1), "only what was being said is repeated")
            self.assertIn(call["eventID"], said[0])
            self.assertEqual([event["detail"]["event_id"] for event in sent()], [call["eventID"]])
            self.assertEqual(self.invoke("watch", trail.envelope(call))["told"], 0)

    def test_09_the_rule_lets_calls_through_and_nothing_else(self):
        events, cloudformation = self.stage.client("events"), self.stage.client("cloudformation")
        resource = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId="WatchRule")
        name = resource["StackResourceDetail"]["PhysicalResourceId"].rsplit("/", 1)[-1]
        rule = events.describe_rule(Name=name)
        self.assertEqual(rule["State"], "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")

        def passes(event):
            return events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]

        call = trail.envelope(self.call("rule", trail.SECRET))
        service = json.loads(json.dumps(call))
        service["detail"]["userIdentity"] = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
        self.assertTrue(passes(call))
        self.assertFalse(passes(service))
        self.assertFalse(passes(call | {"detail-type": "Object Created"}))
        self.assertFalse(passes(call | {"source": "onlooker"}))

    def test_12_what_was_reported_is_never_written_over(self):
        s3, bucket = self.stage.client("s3"), self.stage.outputs["Bucket"]
        made = Trail("written", *self.window, 120)
        late = Trail("late", *self.window, 5, violations=1)
        objects = made.objects()
        self.stage.deliver(objects)
        self.stage.drained()
        first = self.stage.report(*self.window)
        keys = self.stage.revisions(*self.window)[0]["keys"]
        kinds = {key.split("/")[0] + "." + key.rsplit(".", 1)[-1] for key in keys}
        self.assertLessEqual({"reports.json", "reports.html", "reports.csv", "findings.jsonl"}, kinds)
        before = {key: self.stage.read(key) for key in keys}

        self.assertEqual(self.stage.report(*self.window), first)
        self.assertEqual(len(self.stage.revisions(*self.window)), 1, "nothing new is no revision")

        # What comes late is a revision of its own, and somebody has put an object where its report belongs.
        more = {trail.key(HOME, REGION, self.window[0], mark="late"): trail.pack(late.records)}
        expected = self.stage.expected(objects | more, *self.window)
        where = keys[0].replace("_r0001_", "_r0002_").replace(first["id"][:8], expected["id"][:8])
        s3.put_object(Bucket=bucket, Key=where, Body=b"{}", IfNoneMatch="*")
        self.stage.deliver(more)
        self.stage.drained()
        window = dict(zip(("since", "until"), map(trail.stamp, self.window)))
        _, error = self.stage.invoke("report", window)
        self.assertIn("is there already and is another report: nothing is written over", error["errorMessage"])
        self.assertEqual(self.stage.read(where), b"{}")
        self.assertEqual(len(self.stage.items("STATUS", "PENDING#")), 1, "it is owed")
        s3.delete_object(Bucket=bucket, Key=where)

        second = self.stage.report(*self.window)
        self.assert_same(second, expected)
        self.assertEqual((first["run"]["revision"], second["run"]["revision"]), (1, 2))
        self.assertEqual(self.stage.items("STATUS", "PENDING#"), [])
        self.assertEqual({key: self.stage.read(key) for key in keys}, before)
        for prefix in ("reports/", "findings/", "summaries/", "evidence/", "segments/"):
            versions = s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]
            twice = [one["Key"] for one in versions if sum(one["Key"] == other["Key"] for other in versions) > 1]
            self.assertLessEqual(set(twice), {where}, "written once")
