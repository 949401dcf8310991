# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of teslactl in bash: teslactl itself knows what may follow, and asks the daemon.
_teslactl() {
	local cut='' line=${COMP_LINE:0:COMP_POINT}
	local word=${line##*[[:space:]]}
	# bash replaces what stands after the last of these, not the whole word.
	case $word in
	--*=*) word=${word#*=} ;;
	esac
	case $COMP_WORDBREAKS in
	*:*) cut=${word%"${word##*:}"} ;;
	esac
	mapfile -t COMPREPLY < <("$1" --complete="$line" 2>/dev/null)
	test -z "$cut" || COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
complete -o nosort -F _teslactl teslactl
