#!/bin/sh
# The gate of a pipeline, for any CI: sweeps LOGS, writes the report and the JUnit file into OUT, and ends with the gate's exit code:
# 0 passed, 1 failed, 2 usage, 3 not enough evidence, 4 the tool failed.
#
#   LOGS=./AWSLogs OUT=onlooker-report ./gate.sh
#
# BASELINE names an earlier report: only what it does not have fails. Warnings about the configuration do not end the script.
set -eu
logs=${LOGS:?set LOGS to the folder of the log files, or to s3://bucket/prefix}
out=${OUT:-onlooker-report}

onlooker config validate --quick --quiet || [ $? -eq 1 ] || exit 2
onlooker sweep --quiet "$logs" --no-state --fail-on none --format json,html --out "$out"
exec onlooker gate "$out/report.json" --min-score "${MIN_SCORE:-95}" --max-errors "${MAX_ERRORS:-5}" \
  --min-coverage "${MIN_COVERAGE:-99}" --format junit --out "$out/gate.xml" ${BASELINE:+--baseline "$BASELINE"}
