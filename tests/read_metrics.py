"""Reads the metrics of the command line with the parsers of prometheus_client, from a file and by scrape.

    python tests/read_metrics.py target/debug/onlooker

Beside what the parsers refuse, it refuses what they let pass: a series that is there twice, a type that node_exporter does not read, and a
name with a unit that is not declared. Ends with 1 if anything is wrong.
"""

import pathlib
import subprocess
import sys
import tempfile
import urllib.request

from prometheus_client import openmetrics, parser
import prometheus_client.openmetrics.exposition
import prometheus_client.openmetrics.parser

UNITS = ("seconds", "bytes", "ratio")


def problems(text, has_counter):
    """What is wrong with a text."""
    found = []
    lines = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    found += [f"the series {line} is there twice" for line in {line for line in lines if lines.count(line) > 1}]
    families = list(openmetrics.parser.text_string_to_metric_families(text))
    samples = 0
    for family in families:
        allowed = ("gauge", "counter") if has_counter else ("gauge",)
        if family.type not in allowed:
            found.append(f"{family.name} has the type {family.type}")
        unit = next((unit for unit in UNITS if family.name.endswith(f"_{unit}")), "")
        if family.unit != unit:
            found.append(f"{family.name} has the unit `{family.unit}`")
        if not family.documentation:
            found.append(f"{family.name} has no help")
        samples += len(family.samples)
    if samples != len(lines):
        found.append(f"the parser read {samples} of {len(lines)} samples")
    # The older format, which node_exporter reads from a file.
    older = sum(len(family.samples) for family in parser.text_string_to_metric_families(text))
    if older != len(lines):
        found.append(f"the parser of the older format read {older} of {len(lines)} samples")
    return found, len(families), samples


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as home:
        def run(*args):
            subprocess.run([binary, *args], cwd=home, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        run("demo")
        state = ["--state", "onlooker-demo/state"]
        run("metrics", "--out", "onlooker.prom", *state)
        found, families, samples = problems(pathlib.Path(home, "onlooker.prom").read_text(), False)
        listener = subprocess.Popen([binary, "metrics", "--listen", "0", *state], cwd=home, stderr=subprocess.PIPE, text=True)
        try:
            url = listener.stderr.readline().split("listening on ")[1].strip()
            with urllib.request.urlopen(url, timeout=30) as answer:
                if answer.headers["Content-Type"] != openmetrics.exposition.CONTENT_TYPE_LATEST.replace("2.0.0", "1.0.0"):
                    found.append(f"the scrape has the type {answer.headers['Content-Type']}")
                scraped, *_ = problems(answer.read().decode(), True)
                found += scraped
        finally:
            listener.terminate()
            listener.wait()
    for problem in found:
        print(problem)
    print(f"prometheus_client read {families} families with {samples} samples: {len(found)} problems")
    sys.exit(1 if found else 0)


main()
