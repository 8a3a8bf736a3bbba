"""The commands of the documents as they are written: their syntax, options and parameters. Needs no stack."""

import re
import subprocess
import unittest

import test_documents
from commands import blocks, syntax_error
from deployment import VENV
from document_commands import EXIT_CODES, NOT_EXECUTED, PAGES, PRINTS, all_commands, begins, page, parameters


def is_valid(parameter, value):
    """Whether CloudFormation accepts a value for a parameter."""
    if "AllowedValues" in parameter:
        return value in map(str, parameter["AllowedValues"])
    if parameter["Type"] == "Number":
        return parameter.get("MinValue", 0) <= int(value) <= parameter.get("MaxValue", 10**9)
    return re.search(parameter.get("AllowedPattern", ""), value) is not None


class WrittenCommands(unittest.TestCase):
    """What can be checked without a stack."""

    def test_01_each_block_of_commands_is_valid_bash(self):
        for name in PAGES:
            found = blocks(page(name))
            self.assertTrue(found, name)
            for block in found:
                with self.subTest(page=name, block=block):
                    self.assertEqual(syntax_error(block), "")

    def test_01_each_table_names_only_commands_that_occur(self):
        written = list(all_commands())
        for table in (NOT_EXECUTED, PRINTS, EXIT_CODES, test_documents.BEFORE):
            for name, rows in table.items():
                for begin in rows:
                    named = [command for page_, command in written if page_ == name and command.startswith(begin)]
                    self.assertTrue(named, f"{name} has no command that begins with: {begin}")
        for name, words in test_documents.WORDS.items():
            for word in words:
                self.assertTrue(any(page_ == name and re.search(word, command) for page_, command in written), word)
        # Nothing is expected of a command that is not executed.
        for name, command in written:
            if begins(NOT_EXECUTED, name, command):
                for table in (PRINTS, EXIT_CODES, test_documents.BEFORE):
                    self.assertIsNone(begins(table, name, command), command)

    def test_01_each_deployment_gives_parameters_values_and_options_that_exist(self):
        help_ = subprocess.run([VENV / "tools" / "bin" / "sam", "deploy", "--help"], capture_output=True, text=True, check=True)
        options = set(re.findall(r"--[a-z0-9-]+", help_.stdout))
        self.assertIn("--parameter-overrides", options)
        checked = 0
        for name, command in all_commands():
            # As bash splits the words of the command.
            words = subprocess.run(
                ["bash", "-c", f"deploy() {{ printf '%s\\0' deploy \"$@\"; }}\nsam() {{ printf '%s\\0' sam \"$@\"; }}\n{command}"],
                capture_output=True, text=True, env={"STACK": "onlooker", "BUCKET": "kept-bucket", "TABLE": "kept-table"},
            ).stdout.split("\0") if re.match(r"deploy |sam deploy ", command) else []
            if not words:
                continue
            checked += 1
            with self.subTest(page=name, command=command):
                self.assertLessEqual({word for word in words if word.startswith("--")}, options)
                known = parameters("template.yaml")
                for pair in words[words.index("--parameter-overrides") + 1:]:
                    key, separator, value = pair.partition("=")
                    if separator:
                        self.assertIn(key, known)
                        self.assertTrue(is_valid(known[key], value.strip('"')), pair)
        self.assertGreater(checked, 8)
        for name, command in all_commands():
            if "member.yaml" in command and command.startswith("aws cloudformation"):
                overrides = command.partition("--parameter-overrides")[2]
                given = re.findall(r"ParameterKey=(\w+)", command) + re.findall(r"(\w+)=", overrides)
                self.assertTrue(given, command)
                self.assertLessEqual(set(given), set(parameters("member.yaml")), command)
