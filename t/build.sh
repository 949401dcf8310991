#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh DIR TARGETS CONFIGURE-ARGUMENTS...: configures DIR when that was not done, and makes
# TARGETS there.
set -eu
dir=$1 targets=$2
shift 2
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$dir"
cd "$dir"
test -f config.status || "$top/configure" "$@"
for t in $targets; do
	case $t in
	check) make -j"$(nproc)" check TESTS= ;;	# what the tests need, and the stage
	*) make -j"$(nproc)" "$t" ;;
	esac
done
