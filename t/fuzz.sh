#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh TARGET SECONDS: builds and runs one libFuzzer target, in a build folder made with
# --enable-fuzz.  What it finds new goes to finds/TARGET there; the corpus in the tree is only read.
set -eu
target=$1 seconds=$2
corpus=$(dirname "$0")/fuzz/corpus/$target
mkdir -p "finds/$target"
make "t/fuzz/$target"
set -- "finds/$target"
test ! -d "$corpus" || set -- "$@" "$corpus"
# libFuzzer's own code for a find is 77, which would count as skipped.
exec "t/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -error_exitcode=1 \
	-timeout_exitcode=1 -artifact_prefix="finds/$target-" -print_final_stats=1 "$@"
