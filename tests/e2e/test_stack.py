"""What operators do to the stack: take a permission away, query what is kept, delete it."""

import trail
from case import Case
from stage import FUNCTIONS, ROOT, STACK, TRAIL_BUCKET, until
from trail import HOME, REGION, Trail

LOOKUP = {"DELIVERY_COUNTS_FROM": "", "LOOKUP_LAG_MINUTES": "1", "LOOKUP_LOOKBACK_HOURS": "1"}


class Stack(Case):
    def setUp(self):
        super().setUp()
        self.window = self.hour - 7200, self.hour - 3600

    def deliver(self, seed, **more):
        """Has a trail read, and gives it and its log objects."""
        made = Trail(seed, *self.window, 120, **more)
        objects = made.objects()
        self.stage.deliver(objects)
        self.stage.drained()
        return made, objects

    def test_10_the_roles_of_the_stack_are_watched(self):
        self.deliver("own")
        before = self.stage.report(*self.window)["result"]
        self.configure("report", ROLES=self.stage.roles)
        roles = [role.split("=")[1] for role in self.stage.roles.split(",")]
        self.assertEqual(len(roles), len(FUNCTIONS))
        after = self.stage.report(*self.window)["result"]
        self.assertLessEqual(set(roles), set(after["basis"]["watched"]))
        self.assertIn("Onlooker's own roles made 0 calls", after["summary"]["statement"])
        for part in ("compliance", "totals", "risk", "mode"):
            self.assertEqual(after[part], before[part], part)

    def test_11_a_permission_that_is_missing_is_named(self):
        made, objects = self.deliver("allowed")
        key = next(iter(objects))
        item = {"bucket": TRAIL_BUCKET, "key": trail.key(HOME, REGION, self.window[0], mark="denied")}
        self.stage.client("s3").put_bucket_notification_configuration(Bucket=TRAIL_BUCKET, NotificationConfiguration={})
        self.addCleanup(
            self.stage.client("s3").put_bucket_notification_configuration,
            Bucket=TRAIL_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}},
        )
        self.stage.deliver({item["key"]: objects[key]})
        window = dict(zip(("since", "until"), map(trail.stamp, self.window)))
        alerts = [
            trail.envelope(trail.record(trail.name("denied", n), self.now - 20, trail.VIOLATION)) for n in range(2)
        ]
        self.configure("sweep", **LOOKUP)
        for function, action, payload, kind in [
            ("sweep", "cloudtrail:LookupEvents", {}, "AccountRegionFailed"),
            ("sweep", "dynamodb:Query", {}, "AccountRegionFailed"),
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
                error = self.without(function, action, payload)
                self.assertEqual(error["errorType"], kind, error["errorMessage"])
                self.assertIn(action, error["errorMessage"])
                if not action.startswith("dynamodb:"):
                    run = self.stage.items(f"RUN#{function}", "LATEST")[0]["body"]
                    self.assertIn(action, run["error"])
        # With all permissions back nothing is missing.
        self.invoke("sweep")
        self.invoke("ingest", item)
        for alert in alerts:
            answer = self.invoke("watch", alert)
            self.assertEqual((answer["alerts"], answer["told"]), (1, 1), "one of two was told before")
        self.assert_same(self.stage.report(*self.window), self.stage.expected(objects, *self.window))

    def query(self, name):
        """Runs one of the queries of the documentation, and gives its rows."""
        athena = self.stage.client("athena")
        execution = athena.start_query_execution(
            QueryString=(ROOT / "docs" / "queries" / f"{name}.sql").read_text(),
            QueryExecutionContext={"Database": self.stage.outputs["Database"]},
            WorkGroup=self.stage.outputs["Workgroup"],
        )["QueryExecutionId"]

        def ended():
            found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            return found if found["State"] not in ("QUEUED", "RUNNING") else None

        status = until(f"the query {name}", ended, 30)
        self.assertEqual(status["State"], "SUCCEEDED", status)
        rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        table = [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]
        return [dict(zip(table[0], row)) for row in table[1:]]

    def test_14_what_is_kept_can_be_queried(self):
        made, objects = self.deliver("queried", violations=3)
        report = self.stage.report(*self.window)
        wider = self.stage.report(self.window[0] - 3600, self.window[1])
        self.assertNotEqual(report["id"], wider["id"])

        events = {}
        for row in self.query("evidence"):
            events[row["account"], row["region"], row["lane"]] = events.get(
                (row["account"], row["region"], row["lane"]), 0
            ) + int(row["events"])
            self.assertGreaterEqual(int(row["parts"]), int(row["packs"]))
        self.assertEqual(events, {(HOME, REGION, "s3"): len(made.records)})

        status = self.query("status")
        self.assertEqual({row["status"] for row in status}, {"NON_COMPLIANT"})
        self.assertEqual(sum(int(row["reports"]) for row in status), 2)
        self.assertEqual(
            min(float(row["lowest_compliance"]) for row in status), report["result"]["summary"]["compliance_score"]
        )

        found = self.query("findings")
        told = {(one["id"], one["severity"]) for one in report["result"]["findings"]}
        self.assertLessEqual(told, {(row["rule"], row["severity"]) for row in found})
        worst = next(row for row in found if row["rule"] == "write-succeeded")
        self.assertEqual((found[0]["severity"], int(worst["calls"])), ("CRITICAL", 3))

    def test_15_the_evidence_outlives_the_stack(self):
        made, objects = self.deliver("kept", violations=1)
        report = self.stage.report(*self.window)
        bucket, table = self.stage.outputs["Bucket"], self.stage.outputs["Table"]
        before = {key: self.stage.read(key) for key in self.stage.keys("")}
        items = len(self.stage.items(f"SHARD#{HOME}#{REGION}#{trail.stamp(self.window[0])[:10]}"))
        self.assertGreater(len(before), 5)
        done = self.stage.sam("delete", "--stack-name", STACK, "--no-prompts")
        self.assertEqual(done.returncode, 0, done.stdout)
        functions = self.stage.client("lambda").list_functions()["Functions"]
        self.assertEqual([one["FunctionName"] for one in functions], [])
        self.assertEqual({key: self.stage.read(key) for key in self.stage.keys("")}, before)
        self.assertIn(report["id"], "".join(content.decode(errors="replace") for content in before.values()))
        self.assertEqual(self.stage.client("s3").get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        self.assertEqual(len(self.stage.items(f"SHARD#{HOME}#{REGION}#{trail.stamp(self.window[0])[:10]}")), items)
        self.assertEqual(self.stage.client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"], "ACTIVE")
