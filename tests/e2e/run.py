"""Runs the tests of the deployed stack: all of them, or those whose names contain a word.

    python run.py [word]

Ends with 0 when all passed and at least one ran. Nothing is left running.
"""

import platform
import signal
import sys
import time
import unittest
from pathlib import Path

import case
import trail
from stage import TRAIL_BUCKET, Stage


def tests(word):
    found = unittest.defaultTestLoader.discover(str(Path(__file__).parent), "test_*.py")
    chosen, groups = [], [found]
    while groups:
        for one in groups.pop():
            if isinstance(one, unittest.TestSuite):
                groups.append(one)
            elif word in one.id() or isinstance(one, unittest.loader._FailedTest):
                chosen.append(one)
    # The last of them takes the stack down.
    return unittest.TestSuite(sorted(chosen, key=lambda one: one._testMethodName))


class Timed(unittest.TextTestResult):
    """Says how long each test took, and what went wrong at once: a later test may not end."""

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
    # A time limit or an operator ends this program: the emulator has to end as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with Stage() as stage:
        stage.deploy(
            Architecture="arm64" if platform.machine() == "aarch64" else "x86_64",
            Profile="low-latency",
            ScheduleState="DISABLED",
            WatchedPrincipals=trail.WATCHED,
            Accounts=trail.HOME,
            Regions=trail.REGION,
            EventClasses="management-read,management-write",
            LoggedClasses="management-read,management-write",
            LookupRole="OnlookerReadTrail",
            TrailBucket=TRAIL_BUCKET,
            CountsFrom="2020-01-01T00:00:00Z",
        )
        print(f"deployed after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        case.Case.stage = stage
        result = unittest.TextTestRunner(verbosity=2, resultclass=Timed).run(tests(word))
    print(f"ended after {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
