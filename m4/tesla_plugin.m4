# SPDX-License-Identifier: Apache-2.0
# TESLA_PLUGIN(folder below plugins/, name [, pkg-config modules, prefix of their variables])
# One line per plugin in configure.ac.  The conditional PLUGIN_<name> is for the plugin's local.mk;
# the summary says which are built, and why one is not.
AC_DEFUN([TESLA_PLUGIN], [
AC_ARG_ENABLE([$2], [AS_HELP_STRING([--disable-$2], [do not build the plugin $1/$2])], [], [enable_$2=yes])
tesla_why=
AS_IF([test "$enable_$2" = no], [tesla_why="off: --disable-$2"])
m4_ifnblank([$3], [PKG_CHECK_MODULES([$4], [$3], [],
	[test -n "$tesla_why" || tesla_why="off: needs $3"])])
AM_CONDITIONAL([PLUGIN_$2], [test -z "$tesla_why"])
tesla_plugin_summary="$tesla_plugin_summary
      $1/$2: ${tesla_why:-on}"
])
