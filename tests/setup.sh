#!/bin/sh
# What the test suite needs besides Python packages: the browsers and what is from npm.
set -eu
cd "$(dirname "$0")/.."

need_packages=""
command -v chromium >/dev/null 2>&1 || need_packages="$need_packages chromium"
command -v node >/dev/null 2>&1 || need_packages="$need_packages nodejs"
command -v npm >/dev/null 2>&1 || need_packages="$need_packages npm"
command -v turnserver >/dev/null 2>&1 || need_packages="$need_packages coturn"
if [ "$(id -u)" = 0 ]; then # only root may make the namespaces that Firefox is tested in
    command -v "${FIREFOX:-firefox-esr}" >/dev/null 2>&1 ||
        need_packages="$need_packages firefox-esr"
    command -v ip >/dev/null 2>&1 || need_packages="$need_packages iproute2"
fi
if [ -n "$need_packages" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -q >/dev/null
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
            --no-install-recommends $need_packages >/dev/null
        case "$need_packages" in
            *coturn*) # for the tests alone: no TURN server may be left running
                systemctl disable --now coturn >/dev/null 2>&1 || true ;;
        esac
    else
        echo "The tests need:$need_packages" >&2
        echo "Install them with: sudo apt-get install$need_packages" >&2
        exit 1
    fi
fi

install_from_npm() {
    cd "$1"
    if [ ! -f node_modules/.complete ] || [ package.json -nt node_modules/.complete ]; then
        npm install --no-audit --no-fund --ignore-scripts --silent
        touch node_modules/.complete
    fi
}

(install_from_npm tests/browser) # the SDKs
(install_from_npm tests/firefox) # the driver
