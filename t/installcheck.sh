#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# installcheck.sh DESTDIR PKGCONFIGDIR HOST [CONFORMANCE]: builds the example plugins in a folder of
# their own against what was installed, as their authors will, and asks the installed host to
# describe each; the exporters go through the conformance test, where Criterion was there to build
# it.  The client's examples likewise, which must find libtesla and say that nobody is there.
set -eu
examples=$(cd "$(dirname "$0")/../plugins/example" && pwd)
clients=$(cd "$(dirname "$0")/../core/client/examples" && pwd)
destdir=$1 host=$1$3 conformance=${4:+$PWD/$4}
export PKG_CONFIG_PATH="$1$2" PKG_CONFIG_SYSROOT_DIR="$destdir"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$examples"/* "$folder"
cd "$folder"
make
for so in exampleDriver.so exampleData.so exampleExporter.so exampleDurable.so; do
	"$host" --describe "$folder/$so" >described
	LC_ALL=C grep -aq "name.${so%.so}" described || {	# else it says why not
		cat described
		exit 1
	}
	echo "described: $so"
done
mkdir clients
cp "$clients"/* clients
make -C clients
LD_LIBRARY_PATH=$destdir$(pkg-config --variable=libdir tesla | sed "s|^$destdir||")
export LD_LIBRARY_PATH
for program in follow snapshot; do
	set -- "clients/$program" "ipc://$folder/nobody"
	test "$program" = snapshot || set -- "clients/$program" -c junk
	"$@" 2>said && exit 1
	grep -q "^$program: .*\(nobody\|junk\)" said || {
		cat said
		exit 1
	}
	echo "ran: $program"
done
test -n "$conformance" || exit 0
make -s install DESTDIR="$folder/root" plugindir=/plugins
chmod -R go-w root
CONFORMANCE_PLUGINS=$folder/root/plugins "$conformance" \
	--filter 'conformance/@(descriptions|exporters)*'
