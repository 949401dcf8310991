# SPDX-License-Identifier: Apache-2.0
# Bad plugins, and dropIn in two versions: t/data/plugins/.libs/NAME.so, built by `make check`.
bad_plugin_ldflags = -module -avoid-version -shared -rpath /nowhere -Wl,-z,lazy $(SAN_CFLAGS)
check_LTLIBRARIES += \
	t/data/plugins/missing-symbol.la t/data/plugins/no-descriptor.la t/data/plugins/wrong-magic.la \
	t/data/plugins/wrong-abi.la t/data/plugins/wrong-kind.la t/data/plugins/crash-open.la \
	t/data/plugins/crash-read.la t/data/plugins/hang-read.la t/data/plugins/crash-decode.la \
	t/data/plugins/crash-data-open.la t/data/plugins/hang-load.la t/data/plugins/hang-unload.la \
	t/data/plugins/drop-in-1.la t/data/plugins/drop-in-2.la \
	t/data/plugins/trespass-driver.la t/data/plugins/trespass-exporter.la

t_data_plugins_missing_symbol_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_missing_symbol_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"missing-symbol"' -DMISSING_SYMBOL
t_data_plugins_missing_symbol_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_no_descriptor_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_no_descriptor_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"no-descriptor"' -DDESCRIPTOR=not_the_name
t_data_plugins_no_descriptor_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_wrong_magic_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_wrong_magic_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"wrong-magic"' -DPLUGIN_MAGIC=0x12345678u
t_data_plugins_wrong_magic_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_wrong_abi_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_wrong_abi_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"wrong-abi"' -DPLUGIN_ABI=99
t_data_plugins_wrong_abi_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_wrong_kind_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_wrong_kind_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"wrong-kind"' -DPLUGIN_KIND=TESLA_EXPORTER
t_data_plugins_wrong_kind_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_crash_open_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_crash_open_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"crash-open"' -DCRASH_OPEN
t_data_plugins_crash_open_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_crash_read_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_crash_read_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"crash-read"' -DCRASH_READ
t_data_plugins_crash_read_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_hang_read_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_hang_read_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"hang-read"' -DHANG_READ
t_data_plugins_hang_read_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_hang_load_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_hang_load_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"hang-load"' -DHANG_LOAD
t_data_plugins_hang_load_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_hang_unload_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_hang_unload_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"hang-unload"' -DHANG_UNLOAD
t_data_plugins_hang_unload_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_crash_decode_la_SOURCES = t/data/plugins/data.c
t_data_plugins_crash_decode_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"crash-decode"'
t_data_plugins_crash_decode_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_crash_data_open_la_SOURCES = t/data/plugins/data.c
t_data_plugins_crash_data_open_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"crash-data-open"' -DCRASH_OPEN
t_data_plugins_crash_data_open_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_drop_in_1_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_drop_in_1_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"dropIn"' -DANSWER=1
t_data_plugins_drop_in_1_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_drop_in_2_la_SOURCES = t/data/plugins/driver.c
t_data_plugins_drop_in_2_la_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_NAME='"dropIn"' -DANSWER=2
t_data_plugins_drop_in_2_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_trespass_driver_la_SOURCES = t/data/plugins/trespass.c
t_data_plugins_trespass_driver_la_CPPFLAGS = $(AM_CPPFLAGS) -DTRESPASS_DRIVER
t_data_plugins_trespass_driver_la_LDFLAGS = $(bad_plugin_ldflags)
t_data_plugins_trespass_exporter_la_SOURCES = t/data/plugins/trespass.c
t_data_plugins_trespass_exporter_la_LDFLAGS = $(bad_plugin_ldflags)
