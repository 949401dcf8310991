#!/usr/bin/env bash
# seconds: 140
# SPDX-License-Identifier: Apache-2.0
# tools/setup in a tree of its own: bootstraps, builds, installs; is quick when nothing changed, asks no
# network for packages that are there, and an installation needs neither the tree nor another prefix.
. "$(dirname "$0")/../lib.sh"
requires autoreconf dpkg-query

mkdir tree stubs
tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C tree -xf -
chmod -R u+w tree
rm -rf tree/configure tree/Makefile.in tree/autom4te.cache
printf '#!/bin/sh\necho called >>%s\nexit 1\n' "$tmp/network" >stubs/apt-get
chmod +x stubs/apt-get
PATH=$tmp/stubs:$PATH
unset TESLA_HOST TESLA_PLUGINDIR TESLA_MODELDIR LD_LIBRARY_PATH

# How good the code is does not matter here; nor how soon it is there, but to the tests beside this one.
export CFLAGS=-O0
setup() {
	nice -n 19 tree/tools/setup --prefix "$1" >setup.log 2>&1 || fail "tools/setup --prefix $1: $?"
	cat setup.log
	test ! -e network || fail "the network was asked although nothing is missing"
}
works_in() {	# prefix
	local program
	for program in sbin/teslad bin/teslactl bin/tesla-sim; do
		"$1/$program" --version || fail "$1/$program does not run"
	done
	"$1/sbin/teslad" -t -c tree/etc/config.xml || fail "teslad -t in $1"
}
built() {
	stat -c %Y.%s tree/build/core/daemon/teslad tree/build/core/host/tesla-host
}
setup "$tmp/one"
works_in "$tmp/one"
before=$(built)

setup "$tmp/one"
! grep -E '^setup: (bootstrap|configure)' setup.log || fail "it did so although nothing changed"
! grep -E '^ +(CC|CCLD) ' tree/build/setup.log || fail "it compiled although nothing changed"
assert_eq "programs built again" "$(built)" "$before"

# Another prefix is compiled in everywhere: nothing may look in the first one any more.
setup "$tmp/two"
rm -rf one
works_in "$tmp/two"
# Without one, the last one stays, and nothing is installed.
rm -rf two
nice -n 19 tree/tools/setup >setup.log 2>&1
grep -q "^prefix $tmp/two;" tree/build/.configured || fail "the prefix was forgotten"
test ! -e two || fail "installed unasked"

# A package that is missing is asked for, and no other.
cat >stubs/dpkg-query <<'STUB'
#!/bin/sh
/usr/bin/dpkg-query "$@" | grep -v ' libuv1-dev$'
exit 1
STUB
cat >stubs/apt-get <<STUB
#!/bin/sh
echo "\$*" >>$tmp/network
STUB
chmod +x stubs/dpkg-query
tree/tools/setup >setup.log 2>&1 || fail "tools/setup with a package missing: $(cat setup.log)"
assert_eq "what apt-get was told" "$(cat network)" "update
install -y --no-install-recommends libuv1-dev"
