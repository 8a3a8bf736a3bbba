#!/bin/sh
# cargo-lambda 1.9.2, ziglang 0.17.1 (PyPI).
#
# Guessed: `cargo-lambda --version` says whether cargo-lambda is installed, as `--version` of most programs does, and `pip install
# ziglang` brings a program `zig`.
# Seen: `cargo-lambda --version` ends with 2 (unexpected argument); the words of cargo are needed: `cargo-lambda lambda --version`.
# ziglang has no program `zig`: it is a module, `python3 -m ziglang`, and a program `python-zig`.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cargo-lambda==1.9.2 ziglang==0.17.1
code=0
venv/bin/cargo-lambda --version > said.txt 2>&1 || code=$?
cat said.txt
test "$code" = 2
grep -q "unexpected argument '--version'" said.txt
venv/bin/cargo-lambda lambda --version | grep "^cargo-lambda 1.9.2"
test ! -e venv/bin/zig
venv/bin/python-zig version
test "$(venv/bin/python -m ziglang version)" = 0.17.1
