# SPDX-License-Identifier: Apache-2.0
if FUZZ
fuzz_programs =
fuzz_programs += t/fuzz/frames
t_fuzz_frames_SOURCES = t/fuzz/frames.c plugins/drivers/modBusComm/pdu.c
t_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += $(fuzz_programs)
endif
