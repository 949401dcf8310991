#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# canary.sh BUILD MISTAKE REPORT: the sanitizer of that build must stop the mistake and say so, and
# every program and plugin of its stage must carry the sanitizer's calls.
set -eu
build=$1 mistake=$2 report=$3

said=$("$build/t/canary" "$mistake" 2>&1) && {
	echo "nobody minded: $mistake"
	exit 1
}
printf '%s\n' "$said" | grep "$report"

case $mistake in
out-of-bounds) symbol=__asan_report ;;
overflow) symbol=__ubsan_handle ;;
race) symbol=__tsan_read ;;
*) exit 0 ;;
esac
files=$(find "$build/stage" -type f \( -path '*bin/tesla*' -o -name tesla-host -o -name '*.so' \))
bad=0
for f in $files; do
	nm -D "$f" | grep -q "$symbol" && continue
	echo "not instrumented: $f"
	bad=1
done
test -n "$files" || bad=1
exit $bad
