# Sourced by quickstart and test: installs Debian packages that are missing, without questions.

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "need root for: $*; run this as root, or install sudo" >&2
		return 1
	fi
}

# Three attempts each: mirrors and their locks have bad moments.
apt_get() {
	for attempt in 1 2 3; do
		if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
			-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >&2; then
			return 0
		fi
		[ "$attempt" = 3 ] || { echo "apt-get $1 failed; trying again" >&2; sleep $((attempt * 5)); }
	done
	return 1
}

# installed NAME: is that package there completely?
installed() {
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

need_packages() {
	missing=
	for package in "$@"; do
		installed "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing" >&2
	apt_get update || return 1
	# shellcheck disable=SC2086
	apt_get install --no-install-recommends $missing
}

build_packages="gcc libc6-dev cmake ninja-build libev-dev libinih-dev libcurl4-openssl-dev libsqlite3-dev libjansson-dev libyaml-dev python3"
