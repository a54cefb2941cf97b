# The service on Debian 12 with its own Python 3.11, the same as `make run` uses. Build: docker build -t zelfregie .

FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv
WORKDIR /srv/zelfregie
RUN python3 -m venv .venv
COPY requirements.lock ./
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.lock
COPY LICENSE README.md pyproject.toml ./
COPY app app
COPY migrations migrations
COPY medmij_profiles medmij_profiles
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --editable . \
 && .venv/bin/python -m compileall -q app migrations

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/zelfregie --shell /usr/sbin/nologin zelfregie
COPY --from=build /srv/zelfregie /srv/zelfregie
ENV PATH=/srv/zelfregie/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/zelfregie
VOLUME /var/lib/zelfregie
USER zelfregie
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["zelfregie"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
