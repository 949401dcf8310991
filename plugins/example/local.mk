# SPDX-License-Identifier: Apache-2.0
# Examples are built out of tree against the installed header, by `make installcheck`.
EXTRA_DIST += plugins/example/Makefile plugins/example/driver.c plugins/example/data.c \
	plugins/example/exporter.c plugins/example/durable.c
