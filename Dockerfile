# The match daemon in a container. State and profile are mounted; nothing is written elsewhere.
#
#   docker build -t breakwater .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v /srv/breakwater:/profile -p 127.0.0.1:8790:8790 breakwater \
#     serve --listen 0.0.0.0:8790 --token-file /profile/token
#
# /srv/breakwater belongs to user 1000 and holds profile.json (breakwater login), the pins, and the token (mode 600).
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /breakwater
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml tsconfig.base.json ./
COPY shared shared
COPY client client
# Only what the client needs: no exchange, no browser, no database.
RUN npx -y pnpm@12.21.0 install --frozen-lockfile --prod --filter @breakwater/client...

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production BREAKWATER_CONFIG=/profile LANG=C.UTF-8
WORKDIR /breakwater
COPY --from=build --chown=root:root /breakwater ./
USER node
VOLUME /profile
EXPOSE 8790
# Old copies still match: a container that is only stale is not restarted, it is looked at.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:8790/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "client/cli/main.ts"]
CMD ["serve"]
