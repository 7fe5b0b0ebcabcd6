#!/bin/sh
# Debian packages the suite uses beside Python. Installed when we may, named when we may not.
set -u
missing=""
command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v strace >/dev/null 2>&1 || missing="$missing strace"
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v nfc-list >/dev/null 2>&1 || missing="$missing libnfc-bin"
command -v nfc-poll >/dev/null 2>&1 || missing="$missing libnfc-examples"
# Debian puts servers where only root looks.
PATH="$PATH:/usr/sbin" command -v mosquitto >/dev/null 2>&1 || missing="$missing mosquitto"
[ -z "$missing" ] && exit 0
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
if command -v apt-get >/dev/null 2>&1 && { [ -z "$sudo" ] || $sudo true 2>/dev/null; }; then
    echo "installing:$missing"
    $sudo apt-get -qq update >/dev/null 2>&1
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null 2>&1 && exit 0
fi
echo "missing:$missing (install with: sudo apt install$missing); tests that need it are skipped and say so"
