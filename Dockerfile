# Untested until somebody runs it with Docker: checked as text by tests/structure/test_containers.py only.
FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /opt/hub
COPY requirements.lock ./
RUN /opt/hub/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock \
    && /opt/hub/bin/pip install --no-cache-dir --no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY hub hub
COPY indexer indexer
COPY corpus corpus
RUN /opt/hub/bin/pybabel compile -d hub/web/translations \
    && /opt/hub/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 hub && install -d -o hub -g hub /var/lib/hub
COPY --from=build /opt/hub /opt/hub
USER hub
ENV HUB_VAR=/var/lib/hub PATH=/opt/hub/bin:$PATH
VOLUME /var/lib/hub
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["sh", "-c", "hub init && exec hub serve --host 0.0.0.0 --port 8000"]
