"""A packed release is complete, reproducible, and says where it comes from."""

import contextlib
import difflib
import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

import archives
import pack
import provenance
import template

TEXT = (pack.ROOT / "template.yaml").read_text()
ACTIONS = {
    "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "larkspur/onlooker", "GITHUB_REF": "refs/tags/v1.2.3",
    "GITHUB_WORKFLOW_REF": "larkspur/onlooker/.github/workflows/release.yml@refs/tags/v1.2.3",
    "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2",
}


def binary(architecture, content=b"a function"):
    """The start of an ELF header, and some content."""
    return b"\x7fELF" + bytes(14) + pack.MACHINES[architecture].to_bytes(2, "little") + content


class Packing(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.out = self.folder / "release"
        for architecture in pack.MACHINES:
            for resource in template.functions(TEXT):
                path = self.folder / architecture / resource / "bootstrap"
                path.parent.mkdir(parents=True)
                path.write_bytes(binary(architecture, resource.encode()))
        self.cli = self.folder / "onlooker"
        self.cli.write_bytes(b"the command line")
        self.manual = self.folder / "manual"
        for name in ["man/onlooker.1", "completions/_onlooker"]:
            (self.manual / name).parent.mkdir(parents=True)
            (self.manual / name).write_text(name)

    def pack(self, *architectures, environment=None):
        """Packs, and returns the exit code and what was printed."""
        printed = io.StringIO()
        arguments = ["--out", str(self.out), "--cli", f"x86_64-unknown-linux-gnu={self.cli}"]
        arguments += ["--manual", str(self.manual)]
        for one in architectures:
            arguments += ["--functions", f"{one}={self.folder / one}"]
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = pack.main(arguments, environment or {})
        return code, printed.getvalue()

    def files(self):
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def test_a_release_has_all_that_its_templates_name(self):
        code, printed = self.pack("x86_64", "arm64")
        self.assertEqual((code, "left out" in printed), (0, False), printed)
        files = self.files()
        for architecture in pack.MACHINES:
            lines = files[f"template-{architecture}.yaml"].decode().splitlines()
            named = [line.split("CodeUri: ./")[1] for line in lines if "CodeUri" in line]
            named += [line.split(": ")[1] for line in lines if "LicenseUrl" in line or "ReadmeUrl" in line]
            self.assertEqual(len(named), len(template.functions(TEXT)) + 2)
            self.assertLessEqual(set(named), set(files))
            for resource, name in template.functions(TEXT).items():
                with zipfile.ZipFile(io.BytesIO(files[template.zip_name(name, architecture)])) as archive:
                    member, = archive.infolist()
                    self.assertEqual((member.filename, member.external_attr >> 16), ("bootstrap", 0o100755))
                    self.assertEqual(archive.read(member), binary(architecture, resource.encode()))

    def test_the_same_binaries_make_the_same_bytes(self):
        self.pack("x86_64")
        first = self.files()
        for path in self.folder.rglob("bootstrap"):
            path.touch()
            path.chmod(0o600)
        self.pack("x86_64")
        self.assertEqual(self.files(), first)
        version = json.loads(first["provenance.json"])["predicate"]["buildDefinition"]["externalParameters"]["version"]
        name = f"onlooker-{version}-x86_64-unknown-linux-gnu"
        with tarfile.open(fileobj=io.BytesIO(first[f"{name}.tar.gz"])) as archive:
            found = {one.name: (one.mode, one.mtime, one.uid, one.uname) for one in archive}
        self.assertEqual(found[f"{name}/onlooker"], (0o755, archives.TAR_TIME, 0, ""))
        self.assertEqual(sorted(found), [f"{name}/{one}" for one in [
            "CHANGELOG.md", "LICENSE", "README.md", "completions/_onlooker", "man/onlooker.1", "onlooker",
        ]])

    def test_a_command_line_without_manual_or_completions_is_not_packed(self):
        (self.manual / "man/onlooker.1").unlink()
        code, printed = self.pack("x86_64")
        self.assertEqual((code, "run `make dist`" in printed, self.out.exists()), (2, True, False), printed)

    def test_a_release_has_the_documents_that_alarms_and_the_readme_name(self):
        self.pack("x86_64")
        content, = (content for name, content in self.files().items() if name.endswith("-docs.tar.gz"))
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = {one.name.partition("/")[2] for one in archive}
        readme = (pack.ROOT / "README.md").read_text()
        named = set(re.findall(r"docs/[\w/.-]*\.\w+", readme + TEXT)) | {"README.md", "docs/deployer-policy.json"}
        self.assertIn("docs/runbook.md", named)
        self.assertLessEqual(named, found)

    def test_checksums_and_provenance_cover_every_file(self):
        self.pack("x86_64")
        files = self.files()
        sums = {name: sha256 for sha256, name in (line.split("  ") for line in files["SHA256SUMS"].decode().splitlines())}
        real = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        self.assertEqual(sums, {name: digest for name, digest in real.items() if name != "SHA256SUMS"})
        statement = json.loads(files["provenance.json"])
        subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        self.assertEqual(subjects, {name: digest for name, digest in sums.items() if name != "provenance.json"})

    def test_what_was_not_built_is_said_and_not_packed(self):
        code, printed = self.pack("x86_64")
        self.assertEqual(code, 0)
        self.assertIn("left out: functions for arm64", printed)
        self.assertFalse([name for name in self.files() if "arm64" in name])

    def test_a_missing_binary_and_one_of_another_architecture_are_refused(self):
        path = self.folder / "arm64" / "Watch" / "bootstrap"
        for content in (binary("x86_64"), b"#!/bin/sh\n", None):
            with self.subTest(content=content):
                path.write_bytes(content) if content else path.unlink()
                code, printed = self.pack("x86_64", "arm64")
                self.assertEqual(code, 2)
                self.assertIn(str(path), printed)
                self.assertIn("make release-functions ARCHITECTURE=arm64", printed)
                self.assertFalse(self.out.exists())

    def test_a_folder_that_is_no_release_is_not_replaced(self):
        self.out.mkdir()
        (self.out / "precious").write_text("kept")
        code, printed = self.pack("x86_64")
        self.assertEqual((code, self.files()), (2, {"precious": b"kept"}), printed)


class PackedTemplate(unittest.TestCase):
    def test_only_the_code_the_build_method_and_the_architecture_differ(self):
        for architecture in pack.MACHINES:
            lines = list(difflib.ndiff(TEXT.splitlines(), template.packed(TEXT, architecture).splitlines()))
            removed = {line[2:].strip() for line in lines if line.startswith("- ")}
            added = {line[2:].strip() for line in lines if line.startswith("+ ")}
            names = template.functions(TEXT).values()
            self.assertLessEqual(
                removed,
                {f"CodeUri: functions/{name}" for name in names}
                | {"Metadata:", "BuildMethod: rust-cargolambda", "Default: x86_64", "AllowedValues: [x86_64, arm64]"},
            )
            self.assertLessEqual(
                added,
                {f"CodeUri: ./{name}-{architecture}.zip" for name in names}
                | {f"Default: {architecture}", f"AllowedValues: [{architecture}]"},
            )
            self.assertEqual(len(added) - len(names), 1 if architecture == "x86_64" else 2)

    def test_a_function_of_another_form_is_refused(self):
        for old, new in [
            ("CodeUri: functions/watch", "CodeUri: ."),
            ("    Metadata:\n      BuildMethod: rust-cargolambda\n", ""),
            ("AllowedValues: [x86_64, arm64]", "AllowedValues: [arm64, x86_64]"),
        ]:
            with self.subTest(old=old), self.assertRaises(template.Unknown):
                self.assertIn(old, TEXT)
                template.packed(TEXT.replace(old, new, 1), "x86_64")


class Provenance(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in provenance.PINS:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text('[toolchain]\nchannel = "1.95.0"\n')

    def commit(self):
        identity = ["-c", "user.name=Larkspur", "-c", "user.email=larkspur@example.com", "-c", "commit.gpgsign=false"]
        for arguments in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message", "Begin"]):
            subprocess.run(["git", "-C", self.root, *arguments], check=True)
        return provenance.git(self.root, "rev-parse", "HEAD")

    def predicate(self, environment=None):
        made = provenance.statement({"a.zip": b"a"}, {"version": "1.2.3"}, self.root, environment or {})
        self.assertEqual(
            (made["_type"], made["predicateType"]), ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1")
        )
        return made["predicate"]

    def source(self):
        return self.predicate()["buildDefinition"]["resolvedDependencies"][0]

    def test_the_commit_is_named_and_changes_to_it_are_said(self):
        commit = self.commit()
        self.assertEqual(self.source(), {"name": "source", "digest": {"gitCommit": commit}, "annotations": {"clean": True}})
        (self.root / "new.rs").write_text("// not committed")
        self.assertEqual(self.source()["annotations"], {"clean": False})

    def test_a_source_without_git_has_no_commit(self):
        self.assertNotIn("digest", self.source())
        self.assertIn("unknown", self.source()["annotations"]["commit"])

    def test_the_lock_file_the_toolchain_and_the_tools_are_dependencies(self):
        definition = self.predicate()["buildDefinition"]
        content = hashlib.sha256((self.root / "Cargo.lock").read_bytes()).hexdigest()
        self.assertIn({"name": "Cargo.lock", "digest": {"sha256": content}}, definition["resolvedDependencies"])
        self.assertEqual([one["name"] for one in definition["resolvedDependencies"][1:]], provenance.PINS)
        self.assertEqual(definition["internalParameters"]["rust"], "1.95.0")

    def test_the_builder_is_the_workflow_or_this_machine(self):
        self.assertEqual(self.predicate()["runDetails"], {"builder": {"id": provenance.LOCAL_BUILDER}})
        self.commit()
        predicate = self.predicate(ACTIONS)
        self.assertEqual(predicate["runDetails"], {
            "builder": {"id": "https://github.example/larkspur/onlooker/.github/workflows/release.yml@refs/tags/v1.2.3"},
            "metadata": {"invocationId": "https://github.example/larkspur/onlooker/actions/runs/77/attempts/2"},
        })
        source = predicate["buildDefinition"]["resolvedDependencies"][0]
        self.assertEqual(source["uri"], "git+https://github.example/larkspur/onlooker@refs/tags/v1.2.3")


if __name__ == "__main__":
    unittest.main()
