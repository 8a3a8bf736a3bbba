"""Runs `cargo test`, passes its output on, and prints the slowest tests at the end.

    python3 tests/slowest.py CARGO ARGUMENTS...

Exits as cargo does. The test harness measures each test with its unstable option `--report-time`, which the variable
RUSTC_BOOTSTRAP allows. Crates are built again when cargo sees that variable, so only the test programs get it: cargo starts
each of them through this file, as their runner. Nothing is built again, and tests of one program still run side by side, so
a duration includes the wait for a processor.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

SHOWN = 20
PROGRAM = re.compile(r"^\s*Running .*\(.*/([^/]+)-[0-9a-f]{16}\)$")
TEST = re.compile(r"^test (\S+).* <([0-9.]+)s>$")
# The colors of cargo and of the test harness.
COLOR = re.compile(r"\x1b\[[0-9;]*m|\x1b\(B")


def run_program(program, *arguments):
    """Replaces this process by a test program that measures its tests."""
    os.environ["RUSTC_BOOTSTRAP"] = "1"
    os.execv(program, [program, *arguments, "-Zunstable-options", "--report-time"])


def run_cargo(cargo, *arguments):
    runner = json.dumps([sys.executable, str(Path(__file__).resolve()), "--program"])
    command = [cargo, "--config", f"target.'cfg(all())'.runner={runner}", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    program, durations = "", []
    for line in child.stdout:
        print(line, end="", flush=True)
        plain = COLOR.sub("", line).rstrip()
        if found := PROGRAM.match(plain):
            program = found[1]
        elif found := TEST.match(plain):
            durations.append((float(found[2]), f"{program} {found[1]}"))
    code = child.wait()
    if durations:
        print(f"the slowest of {len(durations)} tests:")
    for seconds, name in sorted(durations, reverse=True)[:SHOWN]:
        print(f"{seconds:9.2f} s  {name}")
    return code


if __name__ == "__main__":
    if sys.argv[1] == "--program":
        run_program(*sys.argv[2:])
    sys.exit(run_cargo(*sys.argv[1:]))
