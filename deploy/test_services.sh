#!/usr/bin/env bash
# Installs and starts the servers that the tests talk to, under .test-services; nothing of the machine's own is touched.
#   start        install what is missing, start, wait until ready
#   run CMD …    run a command with the addresses in its environment
#   stop         stop what start started
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
state="$root/.test-services"
port="${YIZHENG_TEST_POSTGRES_PORT:-54329}"
socket_dir="/tmp/yizheng-test-$(id -u)-$port"

pg_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

packages() {
  local missing=()
  [ -n "$(pg_bin)" ] && [ -x "$(pg_bin)/initdb" ] || missing+=(postgresql)
  command -v chromium >/dev/null || missing+=(chromium)
  fc-list 2>/dev/null | grep -qiE 'wqy|noto.*cjk' || missing+=(fonts-wqy-microhei fontconfig)
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  local as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

as_postgres() {
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start() {
  packages
  if as_postgres "$(pg_bin)/pg_isready" -q -h "$socket_dir" -p "$port"; then return; fi
  local data="/tmp/yizheng-test-pgdata-$(id -u)-$port"
  rm -rf "$data" "$socket_dir"; mkdir -p "$state" "$data" "$socket_dir"; chmod 700 "$data"
  if [ "$(id -u)" -eq 0 ]; then chown postgres "$data" "$socket_dir"; fi
  ( cd /tmp
    as_postgres "$(pg_bin)/initdb" -D "$data" -U yizheng -A trust -E UTF8 --locale=C >/dev/null
    as_postgres "$(pg_bin)/pg_ctl" -D "$data" -w -s -l "$data/server.log" \
      -o "-p $port -k $socket_dir -c listen_addresses=127.0.0.1 -c max_connections=100" start )
  echo "$data" > "$state/postgres"
}

stop() {
  [ -f "$state/postgres" ] || return 0
  local data; data="$(cat "$state/postgres")"
  ( cd /tmp; as_postgres "$(pg_bin)/pg_ctl" -D "$data" -s -m immediate stop || true )
  rm -rf "$data" "$socket_dir" "$state/postgres"
}

case "${1:-}" in
  start) start ;;
  stop) stop ;;
  run) shift; YIZHENG_TEST_POSTGRES="postgresql://yizheng@127.0.0.1:$port" exec "$@" ;;
  *) echo "usage: $0 start | stop | run CMD…" >&2; exit 64 ;;
esac
