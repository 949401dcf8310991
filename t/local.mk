# SPDX-License-Identifier: Apache-2.0
TEST_EXTENSIONS = .sh
TEST_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TEST_LOG_DRIVER)
LOG_COMPILER = $(SHELL) $(top_srcdir)/t/tap.sh
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	export top_srcdir top_builddir;
include t/unit/local.mk
include t/fuzz/local.mk
