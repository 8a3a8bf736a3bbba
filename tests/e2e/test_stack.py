"""Operations on the stack: remove a permission, query stored data."""

import trail
from case import StackTestCase
from deployment import FUNCTIONS, ROOT, TRAIL_BUCKET, wait_until
from trail import HOME_ACCOUNT, REGION, Trail

LOOKUP = {"DELIVERY_AUTHORITATIVE_FROM": "", "LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "1"}


class StackOperations(StackTestCase):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600

    def deliver(self, seed, **more):
        """Delivers a trail and waits until its evidence is stored. Returns the trail and its log files."""
        made = Trail(seed, *self.window, 120, **more)
        objects = made.objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        return made, objects

    def test_10_the_roles_of_the_stack_are_watched(self):
        self.deliver("own")
        before = self.deployment.report(*self.window)["result"]
        self.configure("report", ROLES=self.deployment.roles)
        roles = [role.split("=")[1] for role in self.deployment.roles.split(",")]
        self.assertEqual(len(roles), len(FUNCTIONS))
        after = self.deployment.report(*self.window)["result"]
        self.assertLessEqual(set(roles), set(after["inputs"]["watched"]))
        self.assertIn("Onlooker's own roles made 0 calls", after["summary"]["statement"])
        for part in ("compliance", "totals", "risk", "mode"):
            self.assertEqual(after[part], before[part], part)

    def test_11_a_missing_permission_is_named(self):
        made, objects = self.deliver("allowed")
        key = next(iter(objects))
        item = {"bucket": TRAIL_BUCKET, "key": trail.key(HOME_ACCOUNT, REGION, self.window[0], mark="denied")}
        self.deployment.client("s3").put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        self.addCleanup(
            self.deployment.client("s3").put_bucket_notification_configuration,
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}},
        )
        self.deployment.deliver({item["key"]: objects[key]})
        window = dict(zip(("since", "until"), map(trail.stamp, self.window)))
        alerts = [
            trail.eventbridge_event(
                trail.record(trail.deterministic_uuid("denied", number), self.now - 20, trail.VIOLATION)
            )
            for number in range(2)
        ]
        self.configure("pull", **LOOKUP)
        for function, action, payload, error_type in [
            ("pull", "cloudtrail:LookupEvents", {}, "AccountRegionFailed"),
            ("pull", "dynamodb:Query", {}, "AccountRegionFailed"),
            ("ingest", "s3:GetObject", item, "JobFailed"),
            ("ingest", "s3:PutObject", item, "AccessDenied"),
            ("ingest", "dynamodb:UpdateItem", item, "AccessDenied"),
            ("watch", "sns:Publish", alerts[0], "AccessDenied"),
            ("watch", "events:PutEvents", alerts[1], "AccessDenied"),
            ("report", "s3:GetObject", window, "AccessDenied"),
            ("report", "s3:PutObject", window, "AccessDenied"),
            ("report", "dynamodb:Query", window, "AccessDenied"),
        ]:
            with self.subTest(function=function, action=action):
                error = self.assert_permission_is_required(function, action, payload)
                self.assertEqual(error["errorType"], error_type, error["errorMessage"])
                self.assertIn(action, error["errorMessage"])
                if not action.startswith("dynamodb:"):
                    run = self.deployment.items(f"RUN#{function}", "LATEST")[0]["body"]
                    self.assertIn(action, run["error"])
        # With all permissions restored, no evidence is missing.
        self.invoke("pull")
        self.invoke("ingest", item)
        for alert in alerts:
            response = self.invoke("watch", alert)
            self.assertEqual((response["alerts"], response["notifications_sent"]), (1, 1), "the other one was sent before")
        self.assert_same(self.deployment.report(*self.window), self.deployment.expected_report(objects, *self.window))

    def query(self, name):
        """Runs one of the queries in `docs/queries` and returns its rows."""
        athena = self.deployment.client("athena")
        execution = athena.start_query_execution(
            QueryString=(ROOT / "docs" / "queries" / f"{name}.sql").read_text(),
            QueryExecutionContext={"Database": self.deployment.outputs["Database"]},
            WorkGroup=self.deployment.outputs["Workgroup"],
        )["QueryExecutionId"]

        def ended():
            found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            return found if found["State"] not in ("QUEUED", "RUNNING") else None

        status = wait_until(f"the query {name}", ended)
        self.assertEqual(status["State"], "SUCCEEDED", status)
        rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        table = [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]
        return [dict(zip(table[0], row)) for row in table[1:]]

    def test_14_stored_data_can_be_queried(self):
        made, objects = self.deliver("queried", violations=3)
        report = self.deployment.report(*self.window)
        wider = self.deployment.report(self.window[0] - 3600, self.window[1])
        self.assertNotEqual(report["id"], wider["id"])

        events = {}
        for row in self.query("evidence"):
            group = row["account"], row["region"], row["evidence_source"]
            events[group] = events.get(group, 0) + int(row["events"])
            self.assertGreaterEqual(int(row["parts"]), int(row["packs"]))
        self.assertEqual(events, {(HOME_ACCOUNT, REGION, "s3"): len(made.records)})

        status = self.query("status")
        self.assertEqual({row["status"] for row in status}, {"NON_COMPLIANT"})
        self.assertEqual(sum(int(row["reports"]) for row in status), 2)
        self.assertEqual(
            min(float(row["lowest_compliance"]) for row in status), report["result"]["summary"]["compliance_score"]
        )

        found = self.query("findings")
        reported = {(one["id"], one["severity"]) for one in report["result"]["findings"]}
        self.assertLessEqual(reported, {(row["rule"], row["severity"]) for row in found})
        succeeded = next(row for row in found if row["rule"] == "write-succeeded")
        self.assertEqual((found[0]["severity"], int(succeeded["calls"])), ("CRITICAL", 3))
