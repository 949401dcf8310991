# SPDX-License-Identifier: Apache-2.0
if FUZZ
fuzz_programs =
fuzz_programs += t/fuzz/frames
t_fuzz_frames_SOURCES = t/fuzz/frames.c plugins/drivers/modBusComm/pdu.c
t_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_programs += t/fuzz/hostmsg
t_fuzz_hostmsg_SOURCES = t/fuzz/hostmsg.c t/unit/hub_fixture.h
t_fuzz_hostmsg_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS) $(UV_CFLAGS)
t_fuzz_hostmsg_LDADD = core/daemon/libdaemon.la
t_fuzz_hostmsg_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += $(fuzz_programs)
endif
