# SPDX-License-Identifier: MIT
#
#   docker build -t spillway .
#   docker run -p 127.0.0.1:8080:8080 -v spillway:/var/lib/spillway \
#       --read-only --cap-drop ALL --stop-timeout 45 spillway
#
# In a container the daemon must listen on all addresses, and without tokens
# it does so only when told that this is meant: auth.mode=none. Whoever reaches
# the published port may read, write and delete; publish it on loopback, as
# above, or put something before it that decides. Further settings are
# arguments: docker run ... spillway -o spool.memory_budget=1G
#
# It is the Debian package that runs. BASE may be any Debian from 12 on.
ARG BASE=debian:bookworm-slim

FROM $BASE AS build
ENV DEBIAN_FRONTEND=noninteractive
COPY . /build/spillway
WORKDIR /build/spillway
ENV DEB_BUILD_OPTIONS=nocheck DEB_BUILD_PROFILES=nocheck
RUN apt-get update && \
    apt-get install -y --no-install-recommends dpkg-dev && \
    apt-get build-dep -y --no-install-recommends /build/spillway && \
    dpkg-buildpackage -us -uc -b && \
    mkdir /packages && \
    mv ../spillwayd_*.deb ../libspillway1_*.deb ../libspillway-crypto1_*.deb \
        /packages/

FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
COPY --from=build /packages /packages
# A user of the same number in every image, whose volumes stay readable.
RUN useradd --system --user-group --no-create-home --uid 999 \
        --shell /usr/sbin/nologin --home-dir /var/lib/spillway spillway && \
    apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates \
        systemd-standalone-sysusers /packages/*.deb && \
    install -d -o spillway -g spillway -m 700 /var/lib/spillway && \
    rm -rf /packages /var/lib/apt/lists/*
USER spillway
VOLUME /var/lib/spillway
EXPOSE 8080
# The image has no HTTP client that could be misused; bash can ask as well.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD \
    ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ \"$code\" = 200 ]"]
ENTRYPOINT ["/usr/sbin/spillwayd", "-o", "server.listen=*:8080", \
    "-o", "spool.dir=/var/lib/spillway", "-o", "auth.mode=none"]
