#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the build system from a checkout.  Every folder plugins/*/*/ with a local.mk takes part.
set -e
cd "$(dirname "$0")"
for f in plugins/*/*/local.mk; do
	echo "include $f"
done >plugins/plugins.mk
exec autoreconf -i -W all,no-portability "$@"
