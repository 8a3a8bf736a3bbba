"""Both evidence sources: the event history, and log files with every notification route."""

import json
import random

import event_history
import trail
from case import StackTestCase, s3_event
from deployment import ROOT, TRAIL_BUCKET, wait_until
from trail import GLOBAL_REGION, HOME_ACCOUNT, OTHER_ACCOUNT, REGION, Trail

LOOKUP = {"DELIVERY_AUTHORITATIVE_FROM": ""}


class EvidenceSources(StackTestCase):
    def record_all(self, made, delay=None):
        """Adds a trail to the event history, in random order. The history shows each event `delay` seconds after it happened."""
        records = list(made.records)
        random.Random(3).shuffle(records)
        for one in records:
            self.deployment.event_history.add(one, delay and event_history.seconds(one["eventTime"]) + delay)

    def test_01_the_schedule_runs_pull_and_the_checkpoint_moves(self):
        self.configure(**LOOKUP, LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="1")
        self.record_all(Trail("schedule", self.now - 3000, self.now - 600, 120))
        scheduler = self.deployment.client("scheduler")
        timer = scheduler.get_schedule(Name=self.physical_id("PullTimer").rsplit("/", 1)[-1])
        self.assertEqual((timer["ScheduleExpression"], timer["State"]), ("rate(5 minutes)", "DISABLED"))
        unchanged = {key: timer[key] for key in ("Name", "FlexibleTimeWindow", "Target")}

        def set_timer(expression, state):
            scheduler.update_schedule(ScheduleExpression=expression, State=state, **unchanged)

        self.addCleanup(set_timer, timer["ScheduleExpression"], "DISABLED")
        # The emulator also runs a schedule after its time has passed.
        set_timer(f"at({trail.stamp(self.now)[:-1]})", "ENABLED")
        first = wait_until("the first checkpoint", lambda: self.checkpoint(HOME_ACCOUNT, REGION))
        wait_until("the run to be recorded", lambda: self.deployment.items("RUN#pull", "LATEST"))
        self.assertTrue(self.deployment.items(f"ACCOUNT_REGION#{HOME_ACCOUNT}#{REGION}", "SLICE#"))
        self.assertTrue(self.checkpoint(HOME_ACCOUNT, GLOBAL_REGION), "us-east-1 has the events of global services")
        set_timer("rate(5 minutes)", "DISABLED")

        def moved():
            self.invoke("pull")
            return self.checkpoint(HOME_ACCOUNT, REGION) > first

        wait_until("the checkpoint to move", moved, 180, every=1)
        report = self.deployment.report(self.hour - 3600, self.hour)
        self.assertEqual(report["run"]["caller"]["account"], HOME_ACCOUNT)

    def test_01_the_first_report_of_a_new_stack_is_about_the_day_before(self):
        self.configure(**LOOKUP)
        made = Trail("first", self.now - 30 * 3600, self.now - 1200, 240, [(HOME_ACCOUNT, REGION), (HOME_ACCOUNT, GLOBAL_REGION)])
        self.record_all(made)
        states = self.deployment.client("stepfunctions")
        arn = self.deployment.outputs["FirstReportArn"]
        definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
        self.addCleanup(states.update_state_machine, stateMachineArn=arn, definition=definition)
        without_wait = json.loads(definition)
        [settle] = [one for one in without_wait["States"]["Evidence"]["Branches"] if one["StartAt"] == "Settle"]
        self.assertEqual(settle["States"]["Settle"]["Seconds"], 600)
        settle["States"]["Settle"]["Seconds"] = 1
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(without_wait))
        self.assertEqual(self.deployment.keys("latest/"), [])
        execution = states.start_execution(stateMachineArn=arn, input="{}")["executionArn"]

        def ended():
            found = states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = wait_until("the first report", ended, 300, every=0.5)
        self.assertEqual(found["status"], "SUCCEEDED", found)
        result = json.loads(self.deployment.read("latest/report.json"))["result"]
        since, until = (event_history.seconds(result["period"][end]) for end in ("from", "until"))
        self.assertEqual(until - since, 24 * 3600)
        self.assertEqual(result["coverage"]["percent"], 100.0, result["coverage"])
        in_period = [one for one in made.records if since <= event_history.seconds(one["eventTime"]) < until]
        self.assertEqual(result["totals"]["events"], len(in_period))
        self.assertIn("../reports/", self.deployment.read("latest/index.html").decode())

    def test_02_ten_thousand_history_events_each_count_once(self):
        regions = [REGION, GLOBAL_REGION, "eu-central-1", "ap-southeast-2"]
        account_regions = [(HOME_ACCOUNT, region) for region in regions]
        window = self.hour - 7200, self.hour - 3600
        made = Trail("busy", *window, 9_800, account_regions)
        fresh = Trail("fresh", self.now - 25, self.now - 5, 200, account_regions)
        self.record_all(made)
        # The history shows these events later than they happen, and before the lag of a minute has passed. The function must
        # not complete their slices without them.
        self.record_all(fresh, delay=40)
        self.configure(
            **LOOKUP, LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="3", COVERAGE_REGIONS=",".join(regions)
        )
        self.deployment.event_history.fail(
            "ThrottlingException", "ThrottlingException", "expired-token", "InternalFailure", "expired-token"
        )
        self.pull_until(self.now - 4, account_regions, may_fail=True)
        totals = self.deployment.report(*window)["result"]["totals"]
        self.assertEqual((totals["events"], totals["unreadable_evidence"], totals["regions"]), (9_800, 0, 4))
        self.assertEqual(totals["read_only"], sum(one["readOnly"] for one in made.records))
        days = {trail.stamp(at)[:10] for at in (*window, self.now)}
        stored = [
            item["body"]["rows"] for region in regions for day in days
            for item in self.deployment.items(f"SHARD#{HOME_ACCOUNT}#{region}#{day}")
        ]
        # A lookup includes both ends of its time range, so the next slice lists the events of the last second of a slice again.
        listed = sum(
            one["body"]["since"] <= record["eventTime"] <= one["body"]["until"]
            for region in regions
            for one in self.deployment.items(f"ACCOUNT_REGION#{HOME_ACCOUNT}#{region}", "SLICE#")
            for record in made.records + fresh.records
            if record["awsRegion"] == region
        )
        self.assertGreaterEqual(listed, 10_000)
        self.assertEqual(sum(stored), listed)
        self.assertGreater(self.deployment.event_history.calls, 10_000 // 50)

    def test_03_log_files_are_read_by_every_notification_route(self):
        made = Trail("notified", self.hour - 7200, self.hour - 3600, 300)
        objects = sorted(made.objects().items())
        s3, sns = self.deployment.client("s3"), self.deployment.client("sns")
        by_bridge, by_s3, by_sns = objects[0::3], objects[1::3], objects[2::3]

        def configure_notifications(**configuration):
            s3.put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration=configuration)

        self.addCleanup(self.deployment.update, TrailNotifications="EVENTBRIDGE", TrailTopicArn="")
        self.addCleanup(configure_notifications, EventBridgeConfiguration={})
        self.deployment.deliver(dict(by_bridge))
        self.deployment.wait_until_drained()

        self.deployment.update(TrailNotifications="S3")
        configure_notifications(QueueConfigurations=[
            {"QueueArn": self.deployment.outputs["LogQueueArn"], "Events": ["s3:ObjectCreated:*"]}
        ])
        self.deployment.deliver(dict(by_s3))
        self.deployment.wait_until_drained()

        topic = sns.create_topic(Name="larkspur-logs")["TopicArn"]
        self.deployment.update(TrailNotifications="SNS", TrailTopicArn=topic)
        configure_notifications(TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}])
        self.deployment.deliver(dict(by_sns))
        self.deployment.wait_until_drained()

        report = self.deployment.report(self.hour - 7200, self.hour - 3600)
        expected = self.deployment.expected_report(dict(objects), self.hour - 7200, self.hour - 3600)
        self.assert_same(report, expected)
        self.assertEqual(self.deployment.queue_depth("LogDeadLetterQueueUrl"), 0)

    def test_03_encrypted_log_files_of_another_account_are_read_once_it_allows_it(self):
        bucket, window = "larkspur-other-account", (self.hour - 7200, self.hour - 3600)
        objects = Trail("other-account", *window, 120).objects()
        s3, sqs = self.deployment.client("s3", OTHER_ACCOUNT), self.deployment.client("sqs")
        key = self.deployment.client("kms", OTHER_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, content in objects.items():
            s3.put_object(Bucket=bucket, Key=name, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        self.addCleanup(
            self.deployment.update, TrailBucket=TRAIL_BUCKET, TrailBucketAccount="", TrailKmsKeyArn="",
            TrailNotifications="EVENTBRIDGE",
        )
        self.deployment.update(
            TrailBucket=bucket, TrailBucketAccount=OTHER_ACCOUNT, TrailKmsKeyArn=key, TrailNotifications="S3"
        )

        def deliver():
            for name in objects:
                sqs.send_message(QueueUrl=self.deployment.outputs["LogQueueUrl"], MessageBody=s3_event(name, bucket, self.now))

        # The role's own permissions are not enough. The report names the objects that the function could not read.
        deliver()
        wait_until("the records of missing objects", lambda: len(self.missing_objects(window)) == len(objects))
        report = self.deployment.report(*window)
        self.assertEqual(report["result"]["totals"]["unreadable_evidence"], len(objects))
        self.assertIn("AccessDenied", report["run"]["unreadable"][0]["reason"])
        self.assertNotEqual(report["result"]["summary"]["overall_compliance"], "COMPLIANT")

        # In the policy of a bucket of another account, the emulator supports accounts as principals, and not roles.
        policy = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:root"},
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/*",
        }
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
        deliver()
        wait_until("the function to read the objects", lambda: not self.missing_objects(window))
        self.assert_same(self.deployment.report(*window), self.deployment.expected_report(objects, *window))

    def missing_objects(self, window):
        days = sorted({trail.stamp(at)[:10] for at in window})
        return [item for day in days for item in self.deployment.items(f"MISSING#{day}")]

    def test_04_three_notifications_give_the_same_report_as_one(self):
        made = Trail("thrice", self.hour - 7200, self.hour - 3600, 300, violations=2)
        objects = made.objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        window = self.hour - 7200, self.hour - 3600
        once = self.deployment.report(*window)
        bodies = [s3_event(key, TRAIL_BUCKET, self.now, len(content)) for key, content in objects.items()] * 3
        random.Random(4).shuffle(bodies)
        for body in bodies:
            self.deployment.client("sqs").send_message(QueueUrl=self.deployment.outputs["LogQueueUrl"], MessageBody=body)
        self.deployment.wait_until_drained()
        again = self.deployment.report(*window)
        self.assert_same(again, once)
        self.assert_same(again, self.deployment.expected_report(objects, *window))
        self.assertEqual(len(self.deployment.revisions(*window)), 1)

    def test_06_each_hour_counts_one_evidence_source(self):
        since, middle, end = self.hour - 7200, self.hour - 3600, self.hour
        made = Trail("both", since, end, 400)
        self.record_all(made)
        objects = made.objects()
        self.configure(
            DELIVERY_AUTHORITATIVE_FROM=trail.stamp(middle), LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="4"
        )
        self.deployment.deliver(objects)
        self.pull_until(min(end, self.now - 90), [(HOME_ACCOUNT, REGION), (HOME_ACCOUNT, GLOBAL_REGION)])
        self.deployment.wait_until_drained()
        report = self.deployment.report(since, end)
        self.assertEqual(report["result"]["totals"]["events"], 400)
        expected = self.deployment.expected_report(objects, since, end)
        for part in ("totals", "compliance", "risk", "operations", "findings"):
            self.assertEqual(report["result"][part], expected["result"][part], part)

    def test_10_two_accounts_two_regions_and_an_organization_trail(self):
        account_regions = [
            (account, region) for account in (HOME_ACCOUNT, OTHER_ACCOUNT) for region in (REGION, GLOBAL_REGION)
        ]
        since, middle, end = self.hour - 7200, self.hour - 3600, self.hour
        made = Trail("wide", since, end, 800, account_regions)
        self.record_all(made)
        self.deployment.update(Accounts=f"{HOME_ACCOUNT},{OTHER_ACCOUNT}", OrganizationId=trail.ORGANIZATION)
        self.addCleanup(self.deployment.update, Accounts=HOME_ACCOUNT, OrganizationId="")
        other = self.deployment.client("cloudformation", OTHER_ACCOUNT)
        other.create_stack(
            StackName="member",
            TemplateBody=(ROOT / "member.yaml").read_text(),
            Parameters=[{"ParameterKey": "PullRoleArn", "ParameterValue": self.deployment.outputs["PullRoleArn"]}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.addCleanup(other.delete_stack, StackName="member")
        wait_until(
            "the stack of the other account",
            lambda: other.describe_stacks(StackName="member")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE",
        )
        self.configure(
            DELIVERY_AUTHORITATIVE_FROM=trail.stamp(middle), LOOKUP_LAG_MINUTES="1", LOOKUP_LOOKBACK_HOURS="4",
            COVERAGE_ACCOUNTS=f"{HOME_ACCOUNT},{OTHER_ACCOUNT}", COVERAGE_REGIONS=f"{REGION},{GLOBAL_REGION}",
        )
        self.deployment.deliver(made.objects(trail.ORGANIZATION))
        self.pull_until(min(end, self.now - 90), account_regions)
        self.deployment.wait_until_drained()
        report = self.deployment.report(since, end)
        totals = report["result"]["totals"]
        self.assertEqual((totals["events"], totals["accounts"], totals["regions"]), (800, 2, 2))
        covered = report["result"]["coverage"]["account_regions"]
        events = {(one["account"], one["region"]): one["events"] for one in covered}
        self.assertEqual(events, {account_region: 200 for account_region in account_regions})
        self.assertEqual(report["result"]["coverage"]["percent"], 100.0)

    def test_13_a_backfill_reads_two_hundred_log_files(self):
        s3, states = self.deployment.client("s3"), self.deployment.client("stepfunctions")
        s3.put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        self.addCleanup(
            s3.put_bucket_notification_configuration,
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}},
        )
        made = Trail("history", self.hour - 40 * 3600, self.hour - 30 * 3600, 600)
        objects = made.objects(seconds=180)
        self.assertEqual(len(objects), 200)
        self.deployment.deliver(objects)
        self.assertEqual(self.deployment.queue_depth("LogQueueUrl"), 0)
        execution = states.start_execution(
            stateMachineArn=self.deployment.outputs["BackfillArn"], input=json.dumps({"prefix": f"AWSLogs/{HOME_ACCOUNT}/"})
        )["executionArn"]

        def ended():
            found = states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = wait_until("the backfill", ended, 300, every=0.5)
        self.assertEqual(found["status"], "SUCCEEDED", found)
        window = self.hour - 40 * 3600, self.hour - 30 * 3600
        self.assert_same(self.deployment.report(*window), self.deployment.expected_report(objects, *window))
