# CPU only. docker build -t perceptual-bench . && docker run --rm perceptual-bench
FROM python:3.12-slim
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir .
WORKDIR /work
CMD ["python", "-m", "bench.sr_quality", "samples"]
