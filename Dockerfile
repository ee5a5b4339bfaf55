# SPDX-License-Identifier: MIT
#
#   docker build -t spillway .
#   docker run -p 127.0.0.1:8080:8080 -v spillway:/var/lib/spillway spillway
#
# In a container the daemon must listen on all addresses, and without tokens
# it does so only when told that this is meant: auth.mode=none. Whoever reaches
# the published port may read, write and delete; publish it on loopback, as
# above, or put something before it that decides. Further settings are
# arguments: docker run ... spillway -o spool.memory_budget=1G
FROM debian:12-slim AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        gcc libc6-dev meson ninja-build pkg-config \
        libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libzip-dev libssl-dev \
        zlib1g-dev libinih-dev libjansson-dev libjemalloc-dev
COPY . /src
RUN meson setup /build /src --prefix=/usr --sysconfdir=/etc --libdir=lib \
        --buildtype=release -Dtests=disabled -Dsystemd=disabled \
        -Dfuzz=none && \
    ninja -C /build && \
    DESTDIR=/image meson install -C /build --strip && \
    rm -rf /image/usr/include /image/usr/lib/pkgconfig

FROM debian:12-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends ca-certificates \
        libmicrohttpd12 libgnutls30 libcurl4 libzip4 libssl3 zlib1g libinih1 libjansson4 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --user-group --no-create-home --uid 999 \
        --shell /usr/sbin/nologin spillway && \
    install -d -o spillway -g spillway -m 700 /var/lib/spillway
COPY --from=build /image /
RUN ldconfig
USER spillway
VOLUME /var/lib/spillway
EXPOSE 8080
# The image has no HTTP client that could be misused; bash can ask as well.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD \
    ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ \"$code\" = 200 ]"]
ENTRYPOINT ["/usr/sbin/spillwayd", "-o", "server.listen=*:8080", \
    "-o", "spool.dir=/var/lib/spillway", "-o", "auth.mode=none"]
