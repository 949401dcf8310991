# SPDX-License-Identifier: Apache-2.0
dist_model_DATA = etc/models/PM710.xml etc/models/PM500.xml etc/models/model.rng
dist_pkgdata_DATA = etc/config.rng
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/config.xml etc/lector.ini \
	etc/prometheus/prometheus.yml etc/prometheus/tesla.rules.yml
