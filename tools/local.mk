# SPDX-License-Identifier: Apache-2.0
include tools/teslactl/local.mk
include tools/sim/local.mk
include tools/bench/local.mk
EXTRA_DIST += tools/models/generate tools/models/models.csv $(wildcard $(srcdir)/tools/models/maps/*.csv)
EXTRA_DIST += tools/setup tools/check tools/demo tools/lint tools/torture
