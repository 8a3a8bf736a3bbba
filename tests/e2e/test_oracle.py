"""The deployed functions and the command line give the same result on the same events, from each evidence source."""

import json
import random

import trail
from case import StackTestCase
from deployment import TRAIL_BUCKET
from trail import GLOBAL_REGION, HOME_ACCOUNT, OTHER_ACCOUNT, REGION, Trail

ACCOUNT_REGIONS = [(HOME_ACCOUNT, REGION), (HOME_ACCOUNT, GLOBAL_REGION)]
LOOKUP = {"LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "3", "LOOKUP_SLICE_MINUTES": "60"}


class Oracle(StackTestCase):
    def setUp(self):
        super().setUp()
        # CloudTrail has delivered every event of the hours before.
        self.end = (self.now - 600) // 3600 * 3600

    def collect(self, records):
        """Adds records to the event history, in random order."""
        records = list(records)
        random.Random(3).shuffle(records)
        for one in records:
            self.deployment.event_history.add(one)

    def assert_equal_reports(self, report, expected):
        """Asserts the same result except for the hash of the evidence and the hours before the period: time slices cover their
        time span, log files do not."""
        self.assertNotEqual(report["result"]["inputs"].pop("evidence_sha256"), "")
        expected["result"]["inputs"].pop("evidence_sha256")
        self.leave_out_the_hours_before(report, expected)
        for part in expected["result"]:
            self.assertEqual(report["result"][part], expected["result"][part], part)
        self.assertEqual(json.dumps(report["result"]), json.dumps(expected["result"]))

    def leave_out_the_hours_before(self, *reports):
        """Leaves out what reports say about the hours before the period, which slices cover and log files do not."""
        for result in (report["result"] for report in reports):
            self.assertIsNotNone(result["coverage"].pop("lead_in"))
            before = [line for line in result["limitations"] if line.startswith("Of the 12 hours before the period")]
            result["limitations"] = [line for line in result["limitations"] if line not in before]

    def move_timestamps(self, **times):
        """Sets times of the checkpoint of the Region of global events."""
        self.deployment.client("dynamodb").update_item(
            TableName=self.deployment.outputs["Table"],
            Key={"pk": {"S": f"ACCOUNT_REGION#{HOME_ACCOUNT}#{GLOBAL_REGION}"}, "sk": {"S": "CHECKPOINT"}},
            UpdateExpression="SET " + ", ".join(f"body.#{name} = :{name}" for name in times),
            ExpressionAttributeNames={f"#{name}": name for name in times},
            ExpressionAttributeValues={f":{name}": {"S": trail.stamp(at)} for name, at in times.items()},
        )

    def test_02_late_events_are_counted_by_the_second_lookup(self):
        since = self.end - 26 * 3600
        window = since, since + 3600
        made = Trail("day-late", *window, 60, [(HOME_ACCOUNT, GLOBAL_REGION)], violations=2)
        in_time, late = made.records[::2], made.records[1::2]
        self.collect(in_time)
        settings = self.configure(
            **LOOKUP | {"LOOKUP_LOOKBACK_HOURS": "1"}, DELIVERY_AUTHORITATIVE_FROM="", COVERAGE_REGIONS=GLOBAL_REGION
        )
        self.invoke("pull")
        # As if the first pull had been yesterday. A fault ends the run after the first slice.
        self.move_timestamps(since=since, complete_until=since, second_lookup_until=since)
        rule = self.deployment.proxy.rule("cloudtrail", "LookupEvents", "fail", first=2)
        _, error = self.deployment.invoke("pull")
        self.assertEqual((error["errorType"], rule.seen), ("AccountRegionFailed", 2))
        self.assertEqual(self.checkpoint(HOME_ACCOUNT, GLOBAL_REGION), trail.stamp(since + 3600))
        self.assertEqual(self.deployment.report(*window)["result"]["totals"]["events"], len(in_time))

        self.collect(late)
        self.deployment.client("dynamodb").update_item(
            TableName=self.deployment.outputs["Table"],
            Key={"pk": {"S": f"ACCOUNT_REGION#{HOME_ACCOUNT}#{GLOBAL_REGION}"}, "sk": {"S": f"SLICE#{trail.stamp(since)}"}},
            UpdateExpression="SET body.#field = :yes",
            ExpressionAttributeNames={"#field": "needs_second_lookup"},
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        self.move_timestamps(complete_until=self.end)
        pulled = self.invoke("pull")["account_regions"][0]
        self.assertEqual((pulled["second_lookups"], pulled["second_lookups_changed"]), (1, 1))
        report = self.deployment.report(*window)
        self.assertEqual(report["run"]["revision"], 2)
        self.assert_equal_reports(report, self.deployment.expected_report(made.objects(), *window, **settings))

    def test_03_keys_with_special_characters_are_read_by_every_notification_route(self):
        made = Trail("odd", self.end - 3600, self.end, 120, violations=1)

        def odd_key(key):
            folder, _, name = key.rpartition("/")
            return f"{folder}/übung 1+1=(2) & 100%/{name}"

        objects = [(odd_key(key), content) for key, content in made.objects().items()]
        s3, bucket = self.deployment.client("s3"), TRAIL_BUCKET
        self.deployment.deliver(dict(objects[::2]))
        self.deployment.wait_until_drained()

        def configure_notifications(**configuration):
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)

        self.addCleanup(self.deployment.update, TrailNotifications="EVENTBRIDGE")
        self.addCleanup(configure_notifications, EventBridgeConfiguration={})
        self.deployment.update(TrailNotifications="S3")
        to_queue = {"QueueArn": self.deployment.outputs["LogQueueArn"], "Events": ["s3:ObjectCreated:*"]}
        configure_notifications(QueueConfigurations=[to_queue])
        self.deployment.deliver(dict(objects[1::2]))
        self.deployment.wait_until_drained()
        window = self.end - 3600, self.end
        plain = {f"{n}.json.gz": content for n, (_, content) in enumerate(objects)}
        self.assert_same(self.deployment.report(*window), self.deployment.expected_report(plain, *window))
        self.assertEqual(self.deployment.queue_depth("LogDeadLetterQueueUrl"), 0)

    def test_06_evidence_of_the_other_source_does_not_count(self):
        since, middle, end = self.end - 7200, self.end - 3600, self.end
        made = Trail("both", since, end, 400, ACCOUNT_REGIONS, violations=4)
        never = Trail("never", since, end, 40, ACCOUNT_REGIONS, violations=5)

        def split(records):
            cut = trail.stamp(middle)
            return [[one for one in records if (one["eventTime"] >= cut) is late] for late in (False, True)]

        (before, after), (false_before, false_after) = split(made.records), split(never.records)
        # Each source has all events of its own hours, and half of the events and some false ones of the other source's hours.
        self.collect(before + after[::2] + false_after)
        delivered = Trail("", since, end, 0, ACCOUNT_REGIONS)
        delivered.records = after + before[::2] + false_before
        settings = self.configure(
            **LOOKUP, DELIVERY_AUTHORITATIVE_FROM=trail.stamp(middle), COVERAGE_REGIONS=f"{REGION},{GLOBAL_REGION}"
        )
        self.deployment.deliver(delivered.objects())
        self.pull_until(end, ACCOUNT_REGIONS)
        self.deployment.wait_until_drained()
        report = self.deployment.report(since, end)
        self.assert_equal_reports(report, self.deployment.expected_report(made.objects(), since, end, **settings))
        # With an earlier cutover, the evidence of the other source counts.
        self.configure("report", **unprefixed(settings) | {"DELIVERY_AUTHORITATIVE_FROM": trail.stamp(since)})
        other = self.deployment.report(since, end)
        expected = self.deployment.expected_report(delivered.objects(), since, end, **settings)
        self.leave_out_the_hours_before(other, expected)
        for part in expected["result"]:
            self.assertEqual(other["result"][part], expected["result"][part], part)

    def test_10_two_accounts_and_two_regions_are_one_report(self):
        since, middle, end = self.end - 7200, self.end - 3600, self.end
        account_regions = [(account, region) for account in (HOME_ACCOUNT, OTHER_ACCOUNT) for region in (REGION, GLOBAL_REGION)]
        made = Trail("four", since, end, 400, account_regions, violations=3)
        settings = self.configure(
            COVERAGE_ACCOUNTS=f"{HOME_ACCOUNT},{OTHER_ACCOUNT}", COVERAGE_REGIONS=f"{REGION},{GLOBAL_REGION}"
        )
        objects = made.objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        for window in ((since, middle), (middle, end), (since, end)):
            self.assert_same(self.deployment.report(*window), self.deployment.expected_report(objects, *window, **settings))


def unprefixed(variables):
    """Variables without their prefix, as the arguments of `configure`."""
    return {name.removeprefix("ONLOOKER_"): value for name, value in variables.items()}
