# Otter in a container. Build: docker build -t otter .   Run: docker run --rm otter --help
FROM node:24-slim AS build
WORKDIR /otter
COPY package.json package-lock.json tsconfig.json ./
COPY bin ./bin
COPY scripts ./scripts
COPY schema ./schema
COPY src ./src
# Installing builds too; then only what runs is kept. The image has a new Node already.
RUN npm ci --no-audit --no-fund --include=dev && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
WORKDIR /otter
COPY --from=build /otter/package.json ./
COPY --from=build /otter/bin ./bin
COPY --from=build /otter/dist ./dist
COPY --from=build /otter/schema ./schema
COPY ci ./ci
COPY --from=build /otter/node_modules ./node_modules
RUN ln -s /otter/bin/otter /usr/local/bin/otter && mkdir /work && chown node:node /work
USER node
WORKDIR /work
# The process itself gets the signals: SIGTERM drains a node.
ENTRYPOINT ["otter"]
CMD ["--help"]
