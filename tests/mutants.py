"""Draws mutants of the modules that decide, runs the quick tests against each, and prints the score of each module.

    python3 tests/mutants.py [--sample N] [--seed N] [--module NAME] [--list]

A mutant is the program with one small mistake, which cargo-mutants makes: `<` for `<=`, `true` for a condition, a match arm less.
It is caught if a test fails, or runs far longer than it should. The same seed draws the same mutants of the same sources; each
module has an equal part of the sample. A mutant that does not compile counts for nothing, and another is drawn instead.

The sources are copied to `target/mutants/tree` and mutated there. Property tests get the seed too, so that a run can be
repeated. `mutants_equivalent.txt` has the mutants that no test can catch, because they do what the program does, each with the
reason. Exits with 1 if a module scores less than TARGET percent.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "mutants"
TREE = WORK / "tree"
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
TARGET = 95

EVIDENCE, CORE = "onlooker-evidence", "onlooker-core"
GRANTS = "shared/src/grants"
UNIT, PIPELINE, POLICIES = ["--lib"], ["--test", "pipeline"], ["--test", "grants"]
# What decides: the package and the files of each module, and the tests that catch most of its mutants.
MODULES = {
    "outcome": (EVIDENCE, ["evidence/src/event/outcome.rs"], UNIT),
    "coverage": (CORE, ["shared/src/coverage.rs", "shared/src/coverage/**"], PIPELINE),
    "status": (CORE, ["shared/src/assessment.rs", "shared/src/current_status.rs", "shared/src/score.rs"], PIPELINE),
    "overrides": (CORE, ["shared/src/config/overrides.rs", "shared/src/finding/override_*.rs"], [*UNIT, "--", "config::"]),
    "role chains": (CORE, ["shared/src/role_chain.rs", "shared/src/role_chain/**"], PIPELINE),
    "decision": (CORE, [f"{GRANTS}/{name}" for name in (
        "action_rules.rs", "condition.rs", "condition/**", "decision.rs", "evaluator.rs", "operator.rs", "principal_match.rs",
        "resource_set.rs", "rules.rs", "statement.rs",
    )], POLICIES),
}
# All tests that run in seconds. Those of a module run first; these run for what they miss.
QUICK = [*UNIT, "--test", "evasion", *POLICIES, "--test", "matrix", *PIPELINE, "--", "--skip", "render::"]

# No test reads debug information, and it takes time to compile.
WITHOUT_DEBUG = "--config=profile.dev.debug=false"
CARGO = os.environ.get("CARGO", "cargo")


def environment(seed):
    """Property tests have one seed, keep no failure and do not shrink it; snapshots are only read."""
    return os.environ | {
        "CARGO_INCREMENTAL": "1",
        "CARGO_TARGET_DIR": str(WORK / "build"),
        "INSTA_UPDATE": "no",
        "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "true",
        "PROPTEST_MAX_SHRINK_ITERS": "0",
        "PROPTEST_RNG_SEED": str(seed),
    }


def copy_sources():
    """Makes the tree equal to the sources. Files that are equal keep their time, so that cargo builds only what changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for path in [path for path in TREE.rglob("*") if path.is_file()]:
        if str(path.relative_to(TREE)) not in wanted:
            path.unlink()
    for name in wanted:
        source, copy = ROOT / name, TREE / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def list_mutants(package, files):
    """The mutants of these files in the order of the sources: the name that cargo-mutants gives each, and one that lasts. This
    one has no line and column, which change with every edit above; the second mutant of the same name in a file has ` (2)`."""
    command = [CARGO, "mutants", "--list", "--json", "--dir", str(TREE), "--package", package]
    command += [word for name in files for word in ("--file", name)]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def place(mutant):
        start = mutant["span"]["start"]
        return mutant["file"], start["line"], start["column"], mutant["name"]

    names, seen = {}, Counter()
    for mutant in sorted(listed, key=place):
        lasting = re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", mutant["name"])
        seen[lasting] += 1
        names[mutant["name"]] = lasting if seen[lasting] == 1 else f"{lasting} ({seen[lasting]})"
    return names


def equivalent_mutants():
    """Reasons by name; each paragraph of the file is the name, then the reason, indented."""
    reasons, name = {}, ""
    for line in EQUIVALENT.read_text().splitlines():
        if line.startswith(" "):
            reasons[name] = f"{reasons[name]} {line.strip()}".strip()
        elif line and not line.startswith("#"):
            name = line
            reasons[name] = ""
    return reasons


class Quick:
    """The tests of one package that run in seconds."""

    def __init__(self, package, tests, seed):
        self.package, self.tests, self.env = package, tests, environment(seed)
        self.timeout = None

    def check(self):
        """Runs the tests without a mutant: they must pass, and their time says when a mutant runs too long."""
        command = [CARGO, WITHOUT_DEBUG, "test", "--quiet", "--package", self.package]
        subprocess.run([*command, "--no-run", *self.tests], cwd=TREE, env=self.env, check=True)
        began = time.monotonic()
        subprocess.run([*command, *self.tests], cwd=TREE, env=self.env, check=True, stdout=subprocess.DEVNULL)
        self.timeout = max(60, round(5 * (time.monotonic() - began)))

    def run(self, package, names):
        """The outcome of each of these mutants: `caught`, `timeout`, `unviable` or `missed`."""
        if self.timeout is None:
            self.check()
        command = [CARGO, "mutants", "--dir", str(TREE), "--in-place", "--output", str(WORK), "--no-times", "--caught", "--unviable"]
        command += ["--baseline", "skip", "--timeout", str(self.timeout), "--cargo-arg", WITHOUT_DEBUG]
        command += ["--package", package, "--test-package", self.package]
        command += [word for name in {name.split(":")[0] for name in names} for word in ("--file", name)]
        command += [word for name in names for word in ("--re", f"^{re.escape(name)}$")]
        # Its exit code says whether a mutant was missed; the lists say which.
        code = subprocess.run([*command, "--", *self.tests], env=self.env).returncode
        outcomes = {
            name: outcome
            for outcome in ("caught", "timeout", "unviable", "missed")
            for name in (WORK / "mutants.out" / f"{outcome}.txt").read_text().splitlines()
        }
        if missing := set(names) - set(outcomes):
            sys.exit(f"cargo-mutants ended with {code} and did not run {sorted(missing)}")
        # It also ran the mutants of these files that delete a field, which are never left out by name.
        return {name: outcomes[name] for name in names}


def run_module(package, names, count, stages):
    """Runs mutants in this order until `count` of them compiled. Returns those, with their outcomes."""
    results, rest = {}, list(names)
    while rest and len(results) < count:
        drawn, rest = rest[: count - len(results)], rest[count - len(results):]
        found, left = {}, drawn
        for stage in stages:
            if left:
                found |= stage.run(package, left)
                left = [name for name in left if found[name] == "missed"]
        results |= {name: outcome for name, outcome in found.items() if outcome != "unviable"}
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=150, help="number of mutants of all modules")
    parser.add_argument("--seed", type=int, default=0, help="draws the sample; seed of the property tests too")
    parser.add_argument("--module", choices=MODULES, action="append", help="only this module, with its part of the sample")
    parser.add_argument("--list", action="store_true", help="print the drawn mutants and run nothing")
    options = parser.parse_args()
    print(f"seed {options.seed}, sample {options.sample}", flush=True)
    copy_sources()
    reasons = equivalent_mutants()
    share, more = divmod(options.sample, len(MODULES))
    all_quick = Quick(CORE, QUICK, options.seed)
    rows, survivors = [], []
    for at, (module, (package, files, first)) in enumerate(MODULES.items()):
        lasting = list_mutants(package, files)
        names = list(lasting)
        # Each module has a generator of its own, so that a change of one leaves the samples of the others.
        random.Random(f"{options.seed} {module}").shuffle(names)
        names = [name for name in names if lasting[name] not in reasons]
        count = share + (at < more)
        if options.module and module not in options.module:
            continue
        if options.list:
            print(*names[:count], sep="\n")
            continue
        found = run_module(package, names, count, [Quick(package, first, options.seed), all_quick])
        missed = sorted(name for name, outcome in found.items() if outcome == "missed")
        rows.append((module, len(names), len(found), len(found) - len(missed)))
        survivors += [f"{name} [{lasting[name]}]" for name in missed]
    if options.list:
        return 0
    print(f"seed {options.seed}\n{'module':<12} {'mutants':>8} {'tested':>7} {'caught':>7} {'score':>8}")
    rows.append(("all", *(sum(row[column] for row in rows) for column in (1, 2, 3))))
    scores = [100 * caught / max(1, tested) for _, _, tested, caught in rows]
    for (module, mutants, tested, caught), score in zip(rows, scores):
        print(f"{module:<12} {mutants:>8} {tested:>7} {caught:>7} {score:>6.1f} %")
    for name in survivors:
        print(f"survived: {name}")
    return min(scores) < TARGET


if __name__ == "__main__":
    sys.exit(main())
