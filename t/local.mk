# SPDX-License-Identifier: Apache-2.0
TEST_EXTENSIONS = .sh
TEST_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TEST_LOG_DRIVER)
LOG_COMPILER = $(SHELL) $(top_srcdir)/t/tap.sh
SH_LOG_COMPILER = bash
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	export top_srcdir top_builddir; TESLA_STAGE='$(abs_top_builddir)/stage'; export TESLA_STAGE;
# A program that a sanitizer must stop; built only when asked for.
EXTRA_PROGRAMS += t/canary
t_canary_SOURCES = t/canary.c
t_canary_LDADD = -lpthread
# End-to-end scripts; tools/check runs every t/e2e/NNN-*.sh, tools/lint holds this list to that.
e2e_tests = \
	t/e2e/010-lib.sh \
	t/e2e/100-demo.sh \
	t/e2e/110-sample.sh \
	t/e2e/120-pymodbus-tcp.sh \
	t/e2e/130-pymodbus-pty.sh \
	t/e2e/140-mbpoll.sh \
	t/e2e/145-identity.sh \
	t/e2e/150-check.sh \
	t/e2e/155-missing-exporter.sh \
	t/e2e/160-ctl.sh \
	t/e2e/165-teslactl.sh \
	t/e2e/170-late-subscriber.sh \
	t/e2e/180-setup.sh \
	t/e2e/200-hundred.sh \
	t/e2e/210-silent-neighbour.sh \
	t/e2e/220-late.sh \
	t/e2e/300-kill-host.sh \
	t/e2e/310-kill-core.sh \
	t/e2e/320-eleven-hundred.sh \
	t/e2e/330-bad-plugins.sh \
	t/e2e/340-host-junk.sh \
	t/e2e/350-disconnect.sh \
	t/e2e/400-bus-time.sh \
	t/e2e/410-twelve.sh \
	t/e2e/420-learn.sh \
	t/e2e/430-scales.sh \
	t/e2e/432-swapped.sh \
	t/e2e/500-records.sh \
	t/e2e/510-window-survives.sh \
	t/e2e/520-delivery.sh \
	t/e2e/522-refuses-open.sh \
	t/e2e/523-target-replaced.sh \
	t/e2e/530-torture.sh \
	t/e2e/540-disk-faults.sh \
	t/e2e/545-lost-counted.sh \
	t/e2e/550-daylight-saving.sh \
	t/e2e/555-clock-change.sh \
	t/e2e/560-three-days.sh \
	t/e2e/570-damaged.sh \
	t/e2e/575-full-disk.sh \
	t/e2e/580-rejects.sh \
	t/e2e/600-reload.sh \
	t/e2e/605-sighups.sh \
	t/e2e/607-commands.sh \
	t/e2e/608-reload-log.sh \
	t/e2e/610-drop-in.sh \
	t/e2e/611-unload.sh \
	t/e2e/612-new-folder.sh \
	t/e2e/612-slow-reload.sh \
	t/e2e/613-settings.sh \
	t/e2e/614-all-anew.sh \
	t/e2e/614-random-reloads.sh \
	t/e2e/620-lines-come-and-go.sh \
	t/e2e/621-line-changes.sh \
	t/e2e/622-asks.sh \
	t/e2e/623-live-junk.sh \
	t/e2e/624-thousand-changes.sh \
	t/e2e/630-readonly.sh \
	t/e2e/632-curve.sh \
	t/e2e/634-curve-stream.sh \
	t/e2e/636-crowd.sh \
	t/e2e/637-unread.sh \
	t/e2e/638-removed.sh \
	t/e2e/650-follow.sh \
	t/e2e/655-client.sh \
	t/e2e/656-python.sh \
	t/e2e/660-follow-reload.sh \
	t/e2e/670-tools.sh \
	t/e2e/671-help.sh \
	t/e2e/672-shell.sh \
	t/e2e/673-top.sh \
	t/e2e/674-watch.sh \
	t/e2e/680-metrics.sh \
	t/e2e/690-units.sh \
	t/e2e/691-notify.sh \
	t/e2e/692-confined.sh \
	t/e2e/693-no-landlock.sh \
	t/e2e/694-stop.sh \
	t/e2e/695-log-files.sh \
	t/e2e/696-unit-filter.sh \
	t/e2e/697-confined-tls.sh \
	t/e2e/698-descriptors.sh \
	t/e2e/698-log-unread.sh \
	t/e2e/698-stop-reload.sh \
	t/e2e/699-log-disk.sh \
	t/e2e/699-stop-all.sh \
	t/e2e/700-cvmk.sh \
	t/e2e/702-cvmk-noise.sh \
	t/e2e/704-mixed.sh \
	t/e2e/706-cvmk-late.sh \
	t/e2e/710-catalogue.sh \
	t/e2e/712-types.sh \
	t/e2e/720-trace.sh \
	t/e2e/721-trace-ends.sh \
	t/e2e/722-replay.sh \
	t/e2e/724-scan.sh \
	t/e2e/725-scan-odd.sh \
	t/e2e/726-probe.sh \
	t/e2e/727-looks.sh \
	t/e2e/800-central-store.sh \
	t/e2e/802-central-backup.sh \
	t/e2e/802-central-registry.sh \
	t/e2e/803-central-restored.sh \
	t/e2e/804-central-history.sh \
	t/e2e/804-central-serve.sh \
	t/e2e/805-central-kill.sh \
	t/e2e/806-central-disk.sh \
	t/e2e/806-central-torture.sh \
	t/e2e/807-central-ready.sh \
	t/e2e/807-central-readonly.sh \
	t/e2e/808-central-care.sh \
	t/e2e/809-central-hot-backup.sh \
	t/e2e/810-central-v2.sh \
	t/e2e/812-central-lector.sh \
	t/e2e/814-central-daylight.sh \
	t/e2e/820-central-api.sh \
	t/e2e/822-central-openapi.sh \
	t/e2e/824-central-session.sh \
	t/e2e/830-central-live.sh \
	t/e2e/870-prom-read.sh \
	t/e2e/871-central-prometheus.sh
TESTS += $(e2e_tests)
# Records by a clock of its own, through the windows and the journal that teslad has.
check_PROGRAMS += t/e2e/past
t_e2e_past_SOURCES = t/e2e/past.c
t_e2e_past_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS) $(XML_CFLAGS)
t_e2e_past_LDADD = core/daemon/libwindow.la core/daemon/libjournal.la core/daemon/libconf.la core/base/libbase.la -lm
# Prometheus' remote read, without a server.
check_PROGRAMS += t/e2e/prom_answer
t_e2e_prom_answer_SOURCES = t/e2e/prom_answer.c
t_e2e_prom_answer_CPPFLAGS = $(central_cppflags)
t_e2e_prom_answer_LDADD = central/libprom.la
check_DATA = stage/env
# What these scripts need, without the unit tests.
.PHONY: e2e-programs
e2e-programs: stage $(check_LTLIBRARIES) t/e2e/past$(EXEEXT) t/e2e/prom_answer$(EXEEXT) \
	core/client/examples/follow$(EXEEXT) core/client/examples/snapshot$(EXEEXT)
include t/shim/local.mk
include t/data/plugins/local.mk
include t/unit/local.mk
include t/fuzz/local.mk
