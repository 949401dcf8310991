# SPDX-License-Identifier: Apache-2.0
dist_model_DATA = etc/models/PM710.xml etc/models/PM500.xml etc/models/model.rng
