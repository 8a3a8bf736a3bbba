#!/usr/bin/env python3
"""Packs a release: what an operator without Rust deploys and runs.

    python3 ship/pack.py --out FOLDER --functions ARCHITECTURE=BUILD... [--cli TARGET=BINARY... --manual FOLDER]

Enters: folders of `sam build`, binaries of the command line, its manual pages and completions, the templates. Leaves: FOLDER with a
zip for each function, a template and its settings for each architecture, a tar.gz for each binary with manual and completions, one
of the documents, `provenance.json` and `SHA256SUMS`. Law: the same binaries and source make the same bytes. It ends with 2 if something is missing or does not fit, and then leaves no folder.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tomllib

import archives
import provenance
import template

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The machine of an ELF binary, by the architecture of Lambda: `e_machine` of System V's ABI, EM_X86_64 and EM_AARCH64.
MACHINES = {"x86_64": 62, "arm64": 183}
# `sam deploy` uploads README.md and LICENSE, which the template names.
PLAIN = ["member.yaml", "samconfig.toml", "README.md", "LICENSE", "CHANGELOG.md"]
IN_ARCHIVE = ["README.md", "LICENSE", "CHANGELOG.md"]


class Unusable(Exception):
    """An input is missing or does not fit."""


def read(path, remedy):
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror}): {remedy}") from error


def is_for(binary, architecture):
    """Whether an ELF binary runs on an architecture."""
    return binary[:4] == b"\x7fELF" and int.from_bytes(binary[18:20], "little") == MACHINES[architecture]


def function_files(architecture, build, text):
    """The template and the zips of an architecture."""
    files = {f"template-{architecture}.yaml": template.packed(text, architecture).encode()}
    for resource, name in template.functions(text).items():
        path = build / resource / "bootstrap"
        binary = read(path, f"run `make release-functions ARCHITECTURE={architecture}`")
        if not is_for(binary, architecture):
            raise Unusable(f"{path}: not a binary for {architecture}: run `make release-functions ARCHITECTURE={architecture}`")
        files[template.zip_name(name, architecture)] = archives.function_zip(binary)
    return files


def documents_file(version):
    """The archive of the documents that alarms and README.md name. A release on GitHub has files and no folders."""
    name = f"onlooker-{version}-docs"
    documents = (path for path in (ROOT / "docs").rglob("*") if path.is_file())
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in documents}
    files |= {one: (ROOT / one).read_bytes() for one in IN_ARCHIVE}
    return {f"{name}.tar.gz": archives.tar_gz(name, files)}


def manual_files(folder):
    """Manual pages and completions, by their names in an archive."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if not any(name.startswith("man/") for name in files) or not any(name.startswith("completions/") for name in files):
        raise Unusable(f"{folder}: has no manual pages or no completions: run `make dist`")
    return files


def cli_file(target, path, version, manual):
    """The archive of the command line for a target."""
    name = f"onlooker-{version}-{target}"
    files = {one: (ROOT / one).read_bytes() for one in IN_ARCHIVE} | manual
    files["onlooker"] = read(path, "build it with `make release-cli`")
    return {f"{name}.tar.gz": archives.tar_gz(name, files, executables=["onlooker"])}


def release(functions, cli, folder, environment):
    """All files of a release: contents by name."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    text = (ROOT / "template.yaml").read_text()
    files = {name: (ROOT / name).read_bytes() for name in PLAIN} | documents_file(version)
    for architecture, build in sorted(functions.items()):
        files |= function_files(architecture, build, text)
    manual = manual_files(folder) if cli else {}
    for target, path in sorted(cli.items()):
        files |= cli_file(target, path, version, manual)
    parameters = {"version": version, "functions": sorted(functions), "cli": sorted(cli)}
    statement = provenance.statement(files, parameters, ROOT, environment)
    files["provenance.json"] = (json.dumps(statement, indent=2) + "\n").encode()
    sums = "".join(f"{provenance.sha256(content)}  {name}\n" for name, content in sorted(files.items()))
    return files | {"SHA256SUMS": sums.encode()}


def write(folder, files):
    """Writes the files into a new folder. It replaces a folder that an earlier run made, and no other."""
    if folder.exists():
        if not (folder / "SHA256SUMS").is_file():
            raise Unusable(f"{folder}: exists and is not a packed release: name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def pair(text):
    name, _, path = text.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME=PATH")
    return name, pathlib.Path(path)


def main(arguments, environment):
    parser = argparse.ArgumentParser(description="Packs a release.")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to make")
    parser.add_argument("--functions", action="append", type=pair, default=[], metavar="ARCHITECTURE=BUILD")
    parser.add_argument("--cli", action="append", type=pair, default=[], metavar="TARGET=BINARY")
    parser.add_argument("--manual", type=pathlib.Path, metavar="FOLDER", help="manual pages and completions, for --cli")
    given = parser.parse_args(arguments)
    functions, cli = dict(given.functions), dict(given.cli)
    if not functions or set(functions) - set(MACHINES):
        parser.error(f"--functions needs one or more of {', '.join(MACHINES)}")
    if cli and given.manual is None:
        parser.error("--cli needs --manual")
    try:
        files = release(functions, cli, given.manual, environment)
        write(given.out, files)
    except (Unusable, template.Unknown) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"packed {len(files)} files into {given.out}")
    for architecture in MACHINES.keys() - functions.keys():
        print(f"left out: functions for {architecture}, which were not built")
    definition = json.loads(files["provenance.json"])["predicate"]["buildDefinition"]
    if not definition["resolvedDependencies"][0]["annotations"].get("clean"):
        print("note: the source is not a clean commit; provenance.json says so")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
