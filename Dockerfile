# ikespec itself in an image, for places where the host has no Python 3.11 or is no Linux:
#
#   docker build -t ikespec .
#   docker run --rm -v "$PWD/results:/results" ikespec run --out /results/today
#
# A device on the network needs the ports of IKE: add --network host. Devices in containers of their own (--dut
# strongswan) need the Docker socket: add -v /var/run/docker.sock:/var/run/docker.sock --network host.
# Strange roots: pass --build-arg BASE=..., and packages for pip in wheels/ where no index can be reached.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      python3 python3-venv ca-certificates iproute2 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
COPY . /src
RUN python3 -m venv /opt/ikespec \
 && if [ -d /src/wheels ]; then pip_options="--no-index --find-links /src/wheels"; fi \
 && /opt/ikespec/bin/pip install --no-cache-dir --disable-pip-version-check ${pip_options:-} /src \
 && rm -rf /src
ENV PATH=/opt/ikespec/bin:$PATH
WORKDIR /results
ENTRYPOINT ["ikespec"]
CMD ["run"]
