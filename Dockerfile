# gifnet-stream on a CPU: docker build -t gifnet-stream .
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY . .
# A CPU build of torch is enough here and saves gigabytes; name another index or constraints to build with.
ARG TORCH_INDEX=""
ARG CONSTRAINTS=constraints.txt
# hadolint ignore=DL3013
RUN python -m venv /opt/gifnet \
 && /opt/gifnet/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
      --constraint "$CONSTRAINTS" .

FROM python:3.12-slim-bookworm
COPY --from=build /opt/gifnet /opt/gifnet
COPY deploy/health.py /opt/gifnet/health.py
RUN useradd --uid 10001 --no-create-home gifnet && install -d -o gifnet /data
ENV PATH=/opt/gifnet/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp
USER 10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "/opt/gifnet/health.py"]
ENTRYPOINT ["gifnet"]
CMD ["doctor"]
