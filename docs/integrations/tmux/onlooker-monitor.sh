#!/bin/sh
# A tmux session with the live monitor, detached. `tmux attach -t onlooker` shows it; Ctrl+B, D leaves it.
set -eu
state=${ONLOOKER_STATE:-/var/lib/onlooker}
tmux new-session -d -s onlooker "onlooker monitor --refresh 2 --state '$state'"
echo "attach with: tmux attach -t onlooker"
