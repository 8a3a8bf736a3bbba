#!/usr/bin/env python3
"""Sweeps trails of many sizes that are generated while they are read, and prints how CPU, memory and state grow.

    soak.py PROGRAM [--millions 1,10,30,100] [--state-millions 1,10] [--threads N]

PROGRAM is the example `soak` of onlooker-demo. No trail is ever on the disk. The CPU of generating the log files is measured by itself and
subtracted. With state, the state is removed after each size. Nothing is asserted but that each record counts once.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile


def run(program, records, threads, *more):
    done = subprocess.run([program, str(records), str(threads), *more], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def size_of(folder):
    return sum(file.stat().st_size for file in pathlib.Path(folder).rglob("*") if file.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--millions", default="1,10,30,100")
    parser.add_argument("--state-millions", default="1,10")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    sizes = lambda text: [int(float(part) * 1_000_000) for part in text.split(",") if part]
    generation = run(arguments.program, 1_000_000, 1, "generate")["cpu_s"]
    print(f"generating a million records takes {generation:.2f} s of CPU, which is subtracted")
    print(f"{'records':>12} {'':10} {'CPU s':>8} {'s/million':>9} {'wall s':>8} {'peak MB':>8} {'state MB':>9} {'report MB':>9}")
    for with_state, records in [(False, n) for n in sizes(arguments.millions)] + [(True, n) for n in sizes(arguments.state_millions)]:
        state = pathlib.Path(tempfile.mkdtemp(prefix="onlooker-soak-"))
        try:
            found = run(arguments.program, records, arguments.threads, *([str(state / "state")] if with_state else []))
            cpu = found["cpu_s"] - generation * records / 1e6
            kept = f"{size_of(state) / 1e6:9.1f}" if with_state else f"{'':9}"
            print(
                f"{records:12,} {'with state' if with_state else '':10} {cpu:8.1f} {cpu / records * 1e6:9.2f} {found['wall_s']:8.1f} "
                f"{found['peak_mb']:8} {kept} {found['report_bytes'] / 1e6:9.1f}",
                flush=True,
            )
        finally:
            shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main()
