#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one Criterion program for automake's TAP driver.  Criterion passes a test whose process
# leaks (the report comes after the verdict), so any report of a sanitizer fails the program.
# One job: with more, Criterion's own runner leaks 48 bytes when one slow test is left.
d=$(mktemp -d) || exit 99
trap 'rm -rf "$d"' EXIT
ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$d/san" \
UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$d/san" \
	"$@" --jobs=1 --tap=/dev/stdout --quiet
rc=$?
for f in "$d"/san.*; do
	test -e "$f" || continue
	cat "$f" >&2
	echo "Bail out! $(sed -n 's/^SUMMARY: //p' "$f" | head -1)"
	rc=1
done
exit $rc
