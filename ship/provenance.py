"""Where the files of a release come from, as an in-toto statement with SLSA's provenance predicate.

Enters: the files, the source and the builder. Leaves: a statement (https://in-toto.io/Statement/v1) with the predicate
https://slsa.dev/provenance/v1. Laws: it has the SHA-256 of every file; it has no time, so the same build makes the same
statement; it says whether the working tree was the commit that it names, at the time of packing. It is not signed: it is what the
packing says of itself.
"""

import hashlib
import platform
import subprocess
import tomllib
import zlib

BUILD_TYPE = "urn:onlooker:build-type:make-ship:1"
LOCAL_BUILDER = "urn:onlooker:builder:local"
# Files that determine the compiler, the crates, and the tools that link the functions.
PINS = ["Cargo.lock", "rust-toolchain.toml", "tests/e2e/tools.txt"]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def git(root, *arguments):
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def source(root, environment):
    """The commit, as a resource descriptor. Without git, as in an unpacked archive of the source, the commit is unknown."""
    commit = git(root, "rev-parse", "HEAD")
    if commit is None:
        return {"name": "source", "annotations": {"commit": "unknown: the source is not in a git repository"}}
    descriptor = {
        "name": "source",
        "digest": {"gitCommit": commit},
        "annotations": {"clean": git(root, "status", "--porcelain") == ""},
    }
    if "GITHUB_REPOSITORY" in environment:
        repository = f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
        descriptor["uri"] = f"git+{repository}@{environment['GITHUB_REF']}"
    return descriptor


def run_details(environment):
    """The builder: a workflow of GitHub Actions, or this machine."""
    if "GITHUB_WORKFLOW_REF" not in environment:
        return {"builder": {"id": LOCAL_BUILDER}}
    server = environment["GITHUB_SERVER_URL"]
    run = f"{environment['GITHUB_REPOSITORY']}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return {
        "builder": {"id": f"{server}/{environment['GITHUB_WORKFLOW_REF']}"},
        "metadata": {"invocationId": f"{server}/{run}/attempts/{environment['GITHUB_RUN_ATTEMPT']}"},
    }


def statement(files, parameters, root, environment):
    """The statement on `files`, which are contents by name. `parameters` are what the build was asked for."""
    pins = {name: (root / name).read_bytes() for name in PINS}
    toolchain = tomllib.loads(pins["rust-toolchain.toml"].decode())["toolchain"]["channel"]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256(content)}} for name, content in sorted(files.items())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": parameters,
                "internalParameters": {
                    "rust": toolchain, "python": platform.python_version(), "zlib": zlib.ZLIB_RUNTIME_VERSION,
                },
                "resolvedDependencies": [
                    source(root, environment),
                    *({"name": name, "digest": {"sha256": sha256(content)}} for name, content in pins.items()),
                ],
            },
            "runDetails": run_details(environment),
        },
    }
