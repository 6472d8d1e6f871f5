#!/bin/sh
# Installs Debian packages, and nothing that a container has no use for: install-packages NAME...
set -eu
export DEBIAN_FRONTEND=noninteractive
# Neither manuals nor services: an installed server must not start while an image is built.
printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' \
    > /etc/dpkg/dpkg.cfg.d/lean
printf 'path-include=/usr/share/doc/*/copyright\n' >> /etc/dpkg/dpkg.cfg.d/lean
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
# A network with a certificate authority of its own needs it from the first download on; a base
# that cannot know it yet has its packages over plain HTTP, signed.
if command -v update-ca-certificates > /dev/null; then update-ca-certificates > /dev/null 2>&1; fi
apt-get -qq -o Acquire::Retries=3 update
# Some packages put their commands' manuals among the alternatives.
mkdir -p /usr/share/man/man1
apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$@" > /tmp/install.log 2>&1 || {
    cat /tmp/install.log >&2
    exit 1
}
update-ca-certificates > /dev/null 2>&1
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/* /tmp/*
