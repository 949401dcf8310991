# SPDX-License-Identifier: Apache-2.0
# One Criterion program per module.
unit_cflags = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(MSGPACK_CFLAGS) $(UV_CFLAGS) $(XML_CFLAGS)
if HAVE_CRITERION
unit_tests =
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
