"""Evidence in: the event history, log objects however they are announced, both at once."""

import json
import random
import time

import trail
from case import Case, notice
from stage import ROOT, STACK, TRAIL_BUCKET, until
from trail import GLOBAL, HOME, OTHER, REGION, Trail

LOOKUP = {"DELIVERY_COUNTS_FROM": ""}


class Lanes(Case):
    def record_all(self, made, late=0):
        """Puts a trail into the event history, out of order; the last `late` are shown later than they happened."""
        records = list(enumerate(made.records))
        random.Random(3).shuffle(records)
        for number, one in records:
            is_late = number >= len(records) - late
            self.stage.history.add(one, time.time() + 15 if is_late else None)

    def test_01_the_schedule_fires_slices_close_and_the_checkpoint_moves(self):
        self.configure(**LOOKUP, LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="1")
        self.record_all(Trail("schedule", self.now - 3000, self.now - 600, 120))
        scheduler = self.stage.client("scheduler")
        resource = self.stage.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId="SweepTimer"
        )["StackResourceDetail"]["PhysicalResourceId"]
        timer = scheduler.get_schedule(Name=resource.rsplit("/", 1)[-1])
        self.assertEqual((timer["ScheduleExpression"], timer["State"]), ("rate(5 minutes)", "DISABLED"))
        same = {key: timer[key] for key in ("Name", "FlexibleTimeWindow", "Target")}

        def set_timer(expression, state):
            scheduler.update_schedule(ScheduleExpression=expression, State=state, **same)

        self.addCleanup(set_timer, timer["ScheduleExpression"], "DISABLED")
        set_timer(f"at({trail.stamp(time.time() + 2)[:-1]})", "ENABLED")
        first = until("the first checkpoint", lambda: self.checkpoint(HOME, REGION), 60)
        until("the run to be recorded", lambda: self.stage.items("RUN#pull", "LATEST"), 60)
        self.assertTrue(self.stage.items(f"ACCOUNT_REGION#{HOME}#{REGION}", "SLICE#"))
        self.assertTrue(self.checkpoint(HOME, GLOBAL), "events of global services are in us-east-1")
        set_timer("rate(5 minutes)", "DISABLED")
        until("the checkpoint to move", lambda: (self.invoke("sweep"), self.checkpoint(HOME, REGION) > first)[1], 90, 1)
        report = self.stage.report(self.hour - 3600, self.hour)
        self.assertEqual(report["run"]["caller"]["account"], HOME)

    def test_02_ten_thousand_events_of_the_history_count_once_each(self):
        regions = [REGION, GLOBAL, "eu-central-1", "ap-southeast-2"]
        places = [(HOME, region) for region in regions]
        window = self.hour - 7200, self.hour - 3600
        made, fresh = Trail("busy", *window, 9_800, places), Trail("fresh", self.now - 25, self.now - 5, 200, places)
        self.record_all(made)
        # These have happened and are not shown yet: their slices must not be closed without them.
        self.record_all(fresh, late=200)
        self.configure(
            **LOOKUP, LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="3", COVERAGE_REGIONS=",".join(regions)
        )
        self.stage.history.fail(
            "ThrottlingException", "ThrottlingException", "expired-token", "InternalFailure", "expired-token"
        )
        self.sweep_until(self.now - 4, places, may_fail=True)
        totals = self.stage.report(*window)["result"]["totals"]
        self.assertEqual((totals["events"], totals["unreadable"], totals["regions"]), (9_800, 0, 4))
        self.assertEqual(totals["read_only"], sum(one["readOnly"] for one in made.records))
        days = {trail.stamp(at)[:10] for at in (*window, self.now)}
        kept = [
            item["body"]["rows"] for region in regions for day in days
            for item in self.stage.items(f"SHARD#{HOME}#{region}#{day}")
        ]
        # CloudTrail counts both ends of a slice in: what happened in its last moment, the next one lists too.
        listed = sum(
            one["body"]["since"] <= record["eventTime"] <= one["body"]["until"]
            for region in regions
            for one in self.stage.items(f"ACCOUNT_REGION#{HOME}#{region}", "SLICE#")
            for record in made.records + fresh.records
            if record["awsRegion"] == region
        )
        self.assertGreaterEqual(listed, 10_000)
        self.assertEqual(sum(kept), listed)
        self.assertGreater(len(self.stage.history.calls), 10_000 // 50)

    def test_03_log_objects_are_read_however_they_are_announced(self):
        made = Trail("announced", self.hour - 7200, self.hour - 3600, 300)
        objects = sorted(made.objects().items())
        s3, sns = self.stage.client("s3"), self.stage.client("sns")
        by_bridge, by_s3, by_sns = objects[0::3], objects[1::3], objects[2::3]

        def announce(**how):
            s3.put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration=how)

        self.addCleanup(self.stage.update, TrailAnnouncedBy="EVENTBRIDGE", TrailTopicArn="")
        self.addCleanup(announce, EventBridgeConfiguration={})
        self.stage.deliver(dict(by_bridge))
        self.stage.drained()

        self.stage.update(TrailAnnouncedBy="S3")
        announce(QueueConfigurations=[
            {"QueueArn": self.stage.outputs["LogQueueArn"], "Events": ["s3:ObjectCreated:*"]}
        ])
        self.stage.deliver(dict(by_s3))
        self.stage.drained()

        topic = sns.create_topic(Name="larkspur-logs")["TopicArn"]
        self.stage.update(TrailAnnouncedBy="SNS", TrailTopicArn=topic)
        announce(TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}])
        self.stage.deliver(dict(by_sns))
        self.stage.drained()

        report = self.stage.report(self.hour - 7200, self.hour - 3600)
        expected = self.stage.expected(dict(objects), self.hour - 7200, self.hour - 3600)
        self.assert_same(report, expected)
        self.assertEqual(self.stage.waiting("LogDeadLetterQueueUrl"), 0)

    def test_03_encrypted_objects_in_a_bucket_of_another_account_are_read_once_it_allows_it(self):
        bucket, window = "larkspur-elsewhere", (self.hour - 7200, self.hour - 3600)
        objects = Trail("elsewhere", *window, 120).objects()
        s3, sqs = self.stage.client("s3", OTHER), self.stage.client("sqs")
        key = self.stage.client("kms", OTHER).create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, content in objects.items():
            s3.put_object(Bucket=bucket, Key=name, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.addCleanup(
            self.stage.update, TrailBucket=TRAIL_BUCKET, TrailBucketAccount="", TrailKeyArn="", TrailAnnouncedBy="EVENTBRIDGE"
        )
        self.stage.update(TrailBucket=bucket, TrailBucketAccount=OTHER, TrailKeyArn=key, TrailAnnouncedBy="S3")

        def deliver():
            for name in objects:
                sqs.send_message(QueueUrl=self.stage.outputs["LogQueueUrl"], MessageBody=notice(name, bucket))

        # The role alone is not enough: what it may not read is missing, and said to be.
        deliver()
        until("refusals to be noted", lambda: len(self.absent(window)) == len(objects))
        report = self.stage.report(*window)
        self.assertEqual(report["result"]["totals"]["unreadable"], len(objects))
        self.assertIn("AccessDenied", report["run"]["unreadable"][0]["reason"])
        self.assertNotEqual(report["result"]["summary"]["overall_compliance"], "COMPLIANT")

        # The emulator knows accounts in the policy of a bucket elsewhere, and no roles.
        policy = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/*",
        }
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
        deliver()
        until("objects to be read", lambda: not self.absent(window))
        self.assert_same(self.stage.report(*window), self.stage.expected(objects, *window))

    def absent(self, window):
        days = sorted({trail.stamp(at)[:10] for at in window})
        return [item for day in days for item in self.stage.items(f"MISSING#{day}")]

    def test_04_three_notices_of_everything_say_what_one_says(self):
        made = Trail("thrice", self.hour - 7200, self.hour - 3600, 300, violations=2)
        objects = made.objects()
        self.stage.deliver(objects)
        self.stage.drained()
        window = self.hour - 7200, self.hour - 3600
        once = self.stage.report(*window)
        notices = [notice(key, TRAIL_BUCKET, len(content)) for key, content in objects.items()] * 3
        random.Random(4).shuffle(notices)
        for body in notices:
            self.stage.client("sqs").send_message(QueueUrl=self.stage.outputs["LogQueueUrl"], MessageBody=body)
        self.stage.drained()
        again = self.stage.report(*window)
        self.assert_same(again, once)
        self.assert_same(again, self.stage.expected(objects, *window))
        self.assertEqual(len(self.stage.revisions(*window)), 1)

    def test_06_of_two_lanes_each_hour_counts_one(self):
        since, middle, end = self.hour - 7200, self.hour - 3600, self.hour
        made = Trail("both", since, end, 400)
        self.record_all(made)
        objects = made.objects()
        self.configure(
            DELIVERY_COUNTS_FROM=trail.stamp(middle), LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="4"
        )
        self.stage.deliver(objects)
        self.sweep_until(min(end, self.now - 90), [(HOME, REGION), (HOME, GLOBAL)])
        self.stage.drained()
        report = self.stage.report(since, end)
        self.assertEqual(report["result"]["totals"]["events"], 400)
        expected = self.stage.expected(objects, since, end)
        for part in ("totals", "compliance", "risk", "operations", "findings"):
            self.assertEqual(report["result"][part], expected["result"][part], part)

    def test_10_two_accounts_two_regions_and_an_organization_trail(self):
        places = [(account, region) for account in (HOME, OTHER) for region in (REGION, GLOBAL)]
        since, middle, end = self.hour - 7200, self.hour - 3600, self.hour
        made = Trail("wide", since, end, 800, places)
        self.record_all(made)
        self.stage.update(Accounts=f"{HOME},{OTHER}", OrganizationId=trail.ORGANIZATION)
        self.addCleanup(self.stage.update, Accounts=HOME, OrganizationId="")
        other = self.stage.client("cloudformation", OTHER)
        other.create_stack(
            StackName="member",
            TemplateBody=(ROOT / "member.yaml").read_text(),
            Parameters=[{"ParameterKey": "HomeRoleArn", "ParameterValue": self.stage.outputs["SweepRoleArn"]}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.addCleanup(other.delete_stack, StackName="member")
        until("the member's role", lambda: other.describe_stacks(StackName="member")["Stacks"][0]["StackStatus"]
              == "CREATE_COMPLETE")
        self.configure(
            DELIVERY_COUNTS_FROM=trail.stamp(middle), LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="4",
            COVERAGE_ACCOUNTS=f"{HOME},{OTHER}", COVERAGE_REGIONS=f"{REGION},{GLOBAL}",
        )
        self.stage.deliver(made.objects(trail.ORGANIZATION))
        self.sweep_until(min(end, self.now - 90), places)
        self.stage.drained()
        report = self.stage.report(since, end)
        totals = report["result"]["totals"]
        self.assertEqual((totals["events"], totals["accounts"], totals["regions"]), (800, 2, 2))
        told = {(one["account"], one["region"]): one["events"] for one in report["result"]["coverage"]["places"]}
        self.assertEqual(told, {place: 200 for place in places})
        self.assertEqual(report["result"]["coverage"]["percent"], 100.0)

    def test_13_a_backfill_reads_a_history_of_two_hundred_objects(self):
        s3, states = self.stage.client("s3"), self.stage.client("stepfunctions")
        s3.put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        self.addCleanup(
            s3.put_bucket_notification_configuration,
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}},
        )
        made = Trail("history", self.hour - 40 * 3600, self.hour - 30 * 3600, 600)
        objects = made.objects(seconds=180)
        self.assertEqual(len(objects), 200)
        self.stage.deliver(objects)
        self.assertEqual(self.stage.waiting("LogQueueUrl"), 0)
        execution = states.start_execution(
            stateMachineArn=self.stage.outputs["BackfillArn"], input=json.dumps({"prefix": f"AWSLogs/{HOME}/"})
        )["executionArn"]

        def ended():
            found = states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = until("the backfill", ended, 120, 0.5)
        self.assertEqual(found["status"], "SUCCEEDED", found)
        window = self.hour - 40 * 3600, self.hour - 30 * 3600
        self.assert_same(self.stage.report(*window), self.stage.expected(objects, *window))
