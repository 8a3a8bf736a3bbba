"""The evidence outlives the stack, and a new stack continues it."""

import trail
from case import StackTestCase
from deployment import FUNCTIONS
from trail import HOME_ACCOUNT, REGION, Trail


class MoveToANewStack(StackTestCase):
    def deliver(self, seed, since, until, **more):
        """Delivers a trail and waits until its evidence is stored. Returns its log files."""
        objects = Trail(seed, since, until, 120, **more).objects()
        self.deployment.deliver(objects)
        self.deployment.wait_until_drained()
        return objects

    def stored(self):
        """All objects of the bucket, and all items of the evidence, the findings and the status."""
        day = trail.stamp(self.hour - 7200)[:10]
        partitions = [f"SHARD#{HOME_ACCOUNT}#{REGION}#{day}", "FINDINGS", "STATUS"]
        items = {partition: self.deployment.items(partition) for partition in partitions}
        return {key: self.deployment.read(key) for key in self.deployment.keys("")}, items

    def bucket_policy(self):
        return self.deployment.client("s3").get_bucket_policy(Bucket=self.deployment.outputs["Bucket"])["Policy"]

    def delete(self, stack):
        done = self.deployment.sam("delete", "--stack-name", stack, "--no-prompts")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.deployment.client("lambda").list_functions()["Functions"], [])

    def refused(self, stack, **storage):
        """Asserts that CloudFormation does not create a stack, and that the functions of the first one are all there are.

        Returns what was printed.
        """
        done = self.deployment.sam_deploy(stack, **self.deployment.parameters | storage)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        functions = self.deployment.client("lambda").list_functions()["Functions"]
        self.assertEqual(
            sorted(one["FunctionName"] for one in functions), [f"{self.deployment.stack}-{name}" for name in FUNCTIONS]
        )
        return done.stdout

    def failed_resources(self, stack):
        events = self.deployment.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return {one["LogicalResourceId"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"}

    def test_15_a_new_stack_continues_what_a_deleted_stack_left(self):
        self.fix_window()
        window, both_windows = (self.hour - 7200, self.hour - 3600), (self.hour - 7200, self.hour)
        objects = self.deliver("before", *window, violations=1)
        before = self.deployment.report(*window)
        self.invoke("report")
        data, items = self.stored()
        policy = self.bucket_policy()
        self.assertTrue(len(data) > 5 and all(items.values()), items)
        outputs = self.deployment.outputs
        storage = {"ExistingBucket": outputs["Bucket"], "ExistingTable": outputs["Table"]}

        # While the stack exists, no other one can use its storage.
        self.assertIn("set both or neither", self.refused("half", ExistingTable=outputs["Table"]))
        self.refused("second", DatabaseName="second", **storage)
        failed = self.failed_resources("second")
        self.assertTrue(failed and failed <= {"BucketName", "TableName"}, failed)
        self.assertEqual((self.stored(), self.bucket_policy()), ((data, items), policy))

        self.delete(self.deployment.stack)
        self.assertEqual(self.stored(), (data, items))
        self.assertEqual(self.deployment.client("s3").get_bucket_versioning(Bucket=outputs["Bucket"])["Status"], "Enabled")

        self.deployment.deploy("next", **self.deployment.parameters | storage)
        self.assertEqual((self.deployment.outputs["Bucket"], self.deployment.outputs["Table"]), tuple(storage.values()))
        self.assertEqual(self.bucket_policy(), policy)
        self.configure()
        self.fix_window()
        self.assertEqual(self.deployment.report(*window)["id"], before["id"])
        self.assertEqual(len(self.deployment.revisions(*window)), 1, "the report of the deleted stack is still the newest")
        objects |= self.deliver("after", *(self.hour - 3600, self.hour))
        self.assert_same(
            self.deployment.report(*both_windows), self.deployment.expected_report(objects, *both_windows)
        )
        self.invoke("report")
        after_data, after_items = self.stored()
        self.assertLessEqual(
            {(key, content) for key, content in data.items() if not key.startswith("latest/")}, set(after_data.items())
        )
        known = {one["sk"]: one["body"]["first_seen"] for one in items["FINDINGS"]}
        found = {one["sk"]: one["body"]["first_seen"] for one in after_items["FINDINGS"]}
        self.assertLessEqual(known.items(), found.items(), "a finding keeps the time when it was first seen")
        statuses = [one["sk"] for one in items["STATUS"] if one["sk"].startswith("AT#")]
        self.assertLess(set(statuses), {one["sk"] for one in after_items["STATUS"]})

        self.delete("next")
        self.assertEqual(self.stored(), (after_data, after_items), "a deleted stack leaves storage that it did not create")
        table = self.deployment.client("dynamodb").describe_table(TableName=outputs["Table"])["Table"]
        self.assertEqual(table["TableStatus"], "ACTIVE")
