#!/usr/bin/env bash
# Kills a training with SIGKILL at random moments and lets it resume: the checkpoints at the end must be those of a
# training that nobody disturbed, byte for byte, and no temporary file may be left.
# usage: kill_test.sh <digits program> <data file> [number of kills, default 5]
set -euo pipefail
program=$1 data=$2 kills=${3:-5}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command=("$program" --data "$data" --train-only --steps 160 --mean-flow-steps 160 --batch 16 --width 32 --layers 1
  --checkpoint-every 7)

start=$(date +%s%N)
"${command[@]}" --out "$work/whole" 2>>"$work/log"
span=$((($(date +%s%N) - start) / 1000))  # microseconds

failures=0
interrupted=0
for ((i = 1; i <= kills; ++i)); do
  out=$work/killed
  rm -rf "$out"
  "${command[@]}" --out "$out" 2>>"$work/log" &
  wait_for=$(((RANDOM * 32768 + RANDOM) % span))
  sleep "$((wait_for / 1000000)).$(printf '%06d' $((wait_for % 1000000)))"
  if kill -9 $! 2>/dev/null; then interrupted=$((interrupted + 1)); fi
  wait $! 2>/dev/null || true
  "${command[@]}" --out "$out" --resume 2>>"$work/log"
  for name in flow_matching mean_flow; do
    if ! cmp -s "$work/whole/$name.safetensors" "$out/$name.safetensors"; then
      echo "kill $i after $wait_for us: $name.safetensors differs" >&2
      failures=$((failures + 1))
    fi
  done
  if compgen -G "$out/*.tmp*" >/dev/null; then
    echo "kill $i after $wait_for us: a temporary file is left" >&2
    failures=$((failures + 1))
  fi
done
echo "$kills trainings, $interrupted of them killed, $failures differences"
((failures == 0 && interrupted > 0))
