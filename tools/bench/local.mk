# SPDX-License-Identifier: Apache-2.0
# `make bench`: what we cost, beside references that run in the same minutes.  BENCH_FLAGS: options
# of tools/bench/run.
bench_programs = tools/bench/floor tools/bench/jitter tools/bench/pub
EXTRA_PROGRAMS += $(bench_programs)
tools_bench_floor_SOURCES = tools/bench/floor.c tools/bench/fields.c tools/bench/fields.h \
	tools/bench/number.h
tools_bench_floor_CFLAGS = $(AM_CFLAGS) $(MODBUS_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS)
tools_bench_floor_LDADD = $(MODBUS_LIBS) $(ZMQ_LIBS) $(MSGPACK_LIBS)
tools_bench_jitter_SOURCES = tools/bench/jitter.c
tools_bench_pub_SOURCES = tools/bench/pub.c tools/bench/exporter.c tools/bench/exporter.h \
	tools/bench/number.h tools/bench/subscriber.c tools/bench/subscriber.h
tools_bench_pub_CFLAGS = $(AM_CFLAGS) $(ZMQ_CFLAGS) $(MSGPACK_CFLAGS)
tools_bench_pub_LDADD = core/base/libbase.la $(ZMQ_LIBS) $(MSGPACK_LIBS)
# By hand: the store of tesla-central alone.
EXTRA_PROGRAMS += tools/bench/store
tools_bench_store_SOURCES = tools/bench/store.c
tools_bench_store_CPPFLAGS = $(central_cppflags)
tools_bench_store_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS)
tools_bench_store_LDADD = central/libstore.la core/base/libbase.la -lm
# `make bench-central`: tesla-central beside others.  BENCH_FLAGS: options of tools/bench/central.
bench_central_programs = tools/bench/payload
EXTRA_PROGRAMS += $(bench_central_programs)
tools_bench_payload_SOURCES = tools/bench/payload.c tools/bench/samples.h
tools_bench_payload_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)
tools_bench_payload_LDADD = $(MSGPACK_LIBS) -lm
EXTRA_DIST += tools/bench/central tools/bench/ours.py tools/bench/rivals.py \
	tools/bench/servers.py tools/bench/small.lua
EXTRA_DIST += tools/bench/run tools/bench/figures.py \
	tools/bench/installation.py tools/bench/core.py tools/bench/wear.py

.PHONY: bench bench-central
bench: stage/env $(bench_programs) t/shim/clock.la
	TESLA_STAGE=$(abs_builddir)/stage /usr/bin/python3 $(top_srcdir)/tools/bench/run \
		--programs $(abs_builddir)/tools/bench $(BENCH_FLAGS)

bench-central: stage/env $(bench_central_programs)
	TESLA_STAGE=$(abs_builddir)/stage /usr/bin/python3 $(top_srcdir)/tools/bench/central \
		--programs $(abs_builddir)/tools/bench $(BENCH_FLAGS)
