"""The whole result of the deployed functions is that of the command line over the same events, by any lane."""

import json
import random

import trail
from case import Case
from stage import TRAIL_BUCKET
from trail import GLOBAL, HOME, OTHER, REGION, Trail

PLACES = [(HOME, REGION), (HOME, GLOBAL)]
LOOKUP = {"LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "3", "LOOKUP_SLICE_MINUTES": "60"}


class Oracle(Case):
    def setUp(self):
        super().setUp()
        # Every event before has arrived.
        self.end = (self.now - 600) // 3600 * 3600

    def remember(self, records):
        """Puts records into the event history, in no order."""
        records = list(records)
        random.Random(3).shuffle(records)
        for one in records:
            self.stage.history.add(one)

    def assert_alike(self, report, expected):
        """The same result but for the hash of the evidence: closed slices vouch for their time, log objects do not."""
        self.assertNotEqual(report["result"]["basis"].pop("evidence_sha256"), "")
        expected["result"]["basis"].pop("evidence_sha256")
        for part in expected["result"]:
            self.assertEqual(report["result"][part], expected["result"][part], part)
        self.assertEqual(json.dumps(report["result"]), json.dumps(expected["result"]))

    def move(self, **moments):
        """Says that the lane of global events has come elsewhere."""
        self.stage.client("dynamodb").update_item(
            TableName=self.stage.outputs["Table"],
            Key={"pk": {"S": f"ACCOUNT_REGION#{HOME}#{GLOBAL}"}, "sk": {"S": "CHECKPOINT"}},
            UpdateExpression="SET " + ", ".join(f"body.#{name} = :{name}" for name in moments),
            ExpressionAttributeNames={f"#{name}": name for name in moments},
            ExpressionAttributeValues={f":{name}": {"S": trail.stamp(at)} for name, at in moments.items()},
        )

    def test_02_what_came_a_day_late_is_counted_by_the_second_look(self):
        since = self.end - 26 * 3600
        window = since, since + 3600
        made = Trail("day-late", *window, 60, [(HOME, GLOBAL)], violations=2)
        in_time, late = made.records[::2], made.records[1::2]
        self.remember(in_time)
        told = self.configure(
            **LOOKUP | {"LOOKUP_LOOKBACK_HOURS": "1"}, DELIVERY_COUNTS_FROM="", COVERAGE_REGIONS=GLOBAL
        )
        self.invoke("sweep")
        # As if it had been yesterday: the lane begins there, and goes no further than the first slice.
        self.move(since=since, until=since, again=since)
        rule = self.stage.proxy.rule("cloudtrail", "LookupEvents", "fail", first=2)
        _, error = self.stage.invoke("sweep")
        self.assertEqual((error["errorType"], rule.seen), ("AccountRegionFailed", 2))
        self.assertEqual(self.checkpoint(HOME, GLOBAL), trail.stamp(since + 3600))
        self.assertEqual(self.stage.report(*window)["result"]["totals"]["events"], len(in_time))

        self.remember(late)
        self.stage.client("dynamodb").update_item(
            TableName=self.stage.outputs["Table"],
            Key={"pk": {"S": f"ACCOUNT_REGION#{HOME}#{GLOBAL}"}, "sk": {"S": f"SLICE#{trail.stamp(since)}"}},
            UpdateExpression="SET body.#again = :yes",
            ExpressionAttributeNames={"#again": "again"},
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        self.move(until=self.end)
        pulled = self.invoke("sweep")["lanes"][0]
        self.assertEqual((pulled["again"], pulled["changed"]), (1, 1))
        report = self.stage.report(*window)
        self.assertEqual(report["run"]["revision"], 2)
        self.assert_alike(report, self.stage.expected(made.objects(), *window, **told))

    def test_03_keys_of_any_letters_are_read_however_they_are_announced(self):
        made = Trail("odd", self.end - 3600, self.end, 120, violations=1)

        def odd(key):
            folder, _, name = key.rpartition("/")
            return f"{folder}/übung 1+1=(2) & 100%/{name}"

        objects = [(odd(key), content) for key, content in made.objects().items()]
        s3, bucket = self.stage.client("s3"), TRAIL_BUCKET
        self.stage.deliver(dict(objects[::2]))
        self.stage.drained()
        announce = lambda **how: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=how)
        self.addCleanup(self.stage.update, TrailAnnouncedBy="EVENTBRIDGE")
        self.addCleanup(announce, EventBridgeConfiguration={})
        self.stage.update(TrailAnnouncedBy="S3")
        to_queue = {"QueueArn": self.stage.outputs["LogQueueArn"], "Events": ["s3:ObjectCreated:*"]}
        announce(QueueConfigurations=[to_queue])
        self.stage.deliver(dict(objects[1::2]))
        self.stage.drained()
        window = self.end - 3600, self.end
        plain = {f"{n}.json.gz": content for n, (_, content) in enumerate(objects)}
        self.assert_same(self.stage.report(*window), self.stage.expected(plain, *window))
        self.assertEqual(self.stage.waiting("LogDeadLetterQueueUrl"), 0)

    def test_06_what_a_lane_says_of_hours_of_the_other_does_not_count(self):
        since, middle, end = self.end - 7200, self.end - 3600, self.end
        made = Trail("both", since, end, 400, PLACES, violations=4)
        never = Trail("never", since, end, 40, PLACES, violations=5)

        def split(records):
            cut = trail.stamp(middle)
            return [[one for one in records if (one["eventTime"] >= cut) is late] for late in (False, True)]

        (before, after), (lie_before, lie_after) = split(made.records), split(never.records)
        # Each lane knows all of its own hours, half of the other's, and there something that never happened.
        self.remember(before + after[::2] + lie_after)
        delivered = Trail("", since, end, 0, PLACES)
        delivered.records = after + before[::2] + lie_before
        told = self.configure(
            **LOOKUP, DELIVERY_COUNTS_FROM=trail.stamp(middle), COVERAGE_REGIONS=f"{REGION},{GLOBAL}"
        )
        self.stage.deliver(delivered.objects())
        self.sweep_until(end, PLACES)
        self.stage.drained()
        report = self.stage.report(since, end)
        self.assert_alike(report, self.stage.expected(made.objects(), since, end, **told))
        # With the other cut-over the other half counts.
        self.configure("report", **told_names(told) | {"DELIVERY_COUNTS_FROM": trail.stamp(since)})
        other = self.stage.report(since, end)
        self.assert_same(other, self.stage.expected(delivered.objects(), since, end, **told))

    def test_10_two_accounts_and_two_regions_are_one_report(self):
        since, middle, end = self.end - 7200, self.end - 3600, self.end
        places = [(account, region) for account in (HOME, OTHER) for region in (REGION, GLOBAL)]
        made = Trail("four", since, end, 400, places, violations=3)
        told = self.configure(COVERAGE_ACCOUNTS=f"{HOME},{OTHER}", COVERAGE_REGIONS=f"{REGION},{GLOBAL}")
        objects = made.objects()
        self.stage.deliver(objects)
        self.stage.drained()
        for window in ((since, middle), (middle, end), (since, end)):
            self.assert_same(self.stage.report(*window), self.stage.expected(objects, *window, **told))


def told_names(variables):
    """Variables without their prefix, as `configure` takes them."""
    return {name.removeprefix("ONLOOKER_"): value for name, value in variables.items()}
