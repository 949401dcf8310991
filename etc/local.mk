# SPDX-License-Identifier: Apache-2.0
# All that are there; tools/models/generate makes most of them.
dist_model_DATA = etc/models/model.rng $(wildcard $(srcdir)/etc/models/*.xml)
dist_pkgdata_DATA = etc/config.rng
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/config.xml etc/lector.ini etc/central.ini \
	etc/prometheus/prometheus.yml etc/prometheus/remote_read.yml \
	etc/prometheus/tesla.rules.yml
# The service; `make install` puts programs where the unit looks for them.
EXTRA_DIST += etc/systemd/teslad.service.in etc/systemd/tesla-central.service.in \
	etc/systemd/tesla.sysusers
if UNITS
systemdsystemunit_DATA = etc/systemd/teslad.service etc/systemd/tesla-central.service
CLEANFILES += $(systemdsystemunit_DATA) etc/systemd/tesla.conf
$(systemdsystemunit_DATA): %: %.in Makefile
	$(AM_V_GEN)mkdir -p etc/systemd && sed -e 's,[@]sbindir[@],$(sbindir),' -e 's,[@]bindir[@],$(bindir),' \
		$(srcdir)/$@.in >$@
sysusers_DATA = etc/systemd/tesla.conf
etc/systemd/tesla.conf: etc/systemd/tesla.sysusers
	$(AM_V_GEN)mkdir -p etc/systemd && cp $(srcdir)/etc/systemd/tesla.sysusers $@
endif
