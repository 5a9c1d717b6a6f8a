# The image of `policyc serve` for machines with a registry:
#
#   docker build -t policyc/server:0.1.0 .
#
# `policyc container build` makes the same without one. Publish it to your own machine only, it asks for no token:
#
#   docker run --rm --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#       --publish 127.0.0.1:8000:8000 policyc/server:0.1.0
FROM python:3.12-slim AS built
COPY . /source
RUN pip install --no-cache-dir --target /opt/policyc '/source[server,powershell]' && rm -rf /opt/policyc/bin

FROM python:3.12-slim
RUN groupadd --gid 10001 policyc && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /bin/false policyc
COPY --from=built /opt/policyc /opt/policyc
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 POLICYC_NO_CACHE=1 PYTHONPATH=/opt/policyc
LABEL org.opencontainers.image.title=policyc org.opencontainers.image.licenses=MIT policyc.version=0.1.0
USER 10001:10001
WORKDIR /opt/policyc
EXPOSE 8000/tcp
ENTRYPOINT ["python3", "-m", "policyc", "serve", "--host", "0.0.0.0", "--port", "8000", "--open"]
