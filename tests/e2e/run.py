"""Runs the tests of the deployed stack: all tests, or those with a word in their names.

    python run.py [word]

Without a word the commands of the documents run on a stack of their own at the same time, because most tests wait for a rate limit or
a time limit. Exits with 0 if at least one test ran and all passed. It leaves no process running.
"""

import platform
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import case
import trail
from deployment import TRAIL_BUCKET, Deployment


# A word in the names of the tests that run on a stack of their own.
APART = "documents"


def tests(word):
    found = unittest.defaultTestLoader.discover(str(Path(__file__).parent), "test_*.py")
    chosen, groups = [], [found]
    while groups:
        for one in groups.pop():
            if isinstance(one, unittest.TestSuite):
                groups.append(one)
            elif (word in one.id() if word else APART not in one.id()) or isinstance(one, unittest.loader._FailedTest):
                chosen.append(one)
    # In the order of their numbers: the last test deletes the stack.
    return unittest.TestSuite(sorted(chosen, key=lambda one: one._testMethodName))


class Timed(unittest.TextTestResult):
    """Prints the duration of each test, and each failure at once: a later test may not end."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self.began:.1f} s")
        super().stopTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.stream.writeln(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.stream.writeln(self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.stream.writeln((self.failures + self.errors)[-1][1])

    def printErrors(self):
        pass


def main(word=""):
    # If a time limit or an operator ends this program, the emulators have to end as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if word:
        return run(word)
    with tempfile.TemporaryFile() as output:
        apart = subprocess.Popen([sys.executable, "-B", __file__, APART], stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = run("")
            apart_code = apart.wait()
        finally:
            # It ends its emulator when it is interrupted.
            if apart.poll() is None:
                apart.terminate()
                apart.wait()
            output.seek(0)
            print(output.read().decode(errors="replace"), file=sys.stderr, flush=True)
    return code or apart_code


def run(word):
    began = time.monotonic()
    with Deployment() as deployment:
        deployment.create_trail_bucket()
        deployment.deploy(
            Architecture="arm64" if platform.machine() == "aarch64" else "x86_64",
            Profile="low-latency",
            ScheduleState="DISABLED",
            WatchedPrincipals=trail.WATCHED,
            Accounts=trail.HOME_ACCOUNT,
            Regions=trail.REGION,
            EventClasses="management-read,management-write",
            LoggedEventClasses="management-read,management-write",
            LookupRole="OnlookerReadTrail",
            TrailBucket=TRAIL_BUCKET,
            TrailAuthoritativeFrom="2020-01-01T00:00:00Z",
        )
        print(f"deployed after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        case.StackTestCase.deployment = deployment
        result = unittest.TextTestRunner(verbosity=2, resultclass=Timed).run(tests(word))
    print(f"ended after {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
