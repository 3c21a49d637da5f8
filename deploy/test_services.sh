#!/usr/bin/env bash
# Installs and starts the servers that the tests talk to, under .test-services; nothing of the machine's own is touched.
#   start        install what is missing, start, wait until ready
#   durable      let PostgreSQL wait for the disk, as in production, until the next start: for measuring
#   run CMD …    run a command with the addresses in its environment
#   stop         stop what start started
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
state="$root/.test-services"
port="${YIZHENG_TEST_POSTGRES_PORT:-54329}"
socket_dir="/tmp/yizheng-test-$(id -u)-$port"
redis_port="${YIZHENG_TEST_REDIS_PORT:-56379}"
redis_dir="/tmp/yizheng-test-redis-$(id -u)-$redis_port"
# A new database is a thousand small files: in memory it is made in a tenth of the time.
pg_memory="/dev/shm/yizheng-test-$(id -u)-$port"
mariadb_port="${YIZHENG_TEST_MARIADB_PORT:-53306}"
mariadb_dir="/tmp/yizheng-test-mariadb-$(id -u)-$mariadb_port"

without="tests that need it are skipped"
[ "${YIZHENG_JUDGES:-}" != required ] || without="tests that need it fail, for YIZHENG_JUDGES=required"

pg_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

packages() {
  local missing=()
  [ -n "$(pg_bin)" ] && [ -x "$(pg_bin)/initdb" ] || missing+=(postgresql)
  command -v chromium >/dev/null || missing+=(chromium)
  fc-list 2>/dev/null | grep -qiE 'wqy|noto.*cjk' || missing+=(fonts-wqy-microhei fontconfig)
  command -v redis-server >/dev/null || missing+=(redis-server)
  command -v nft >/dev/null || [ -x /usr/sbin/nft ] || missing+=(nftables iproute2)
  [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  command -v pdfsig >/dev/null || missing+=(poppler-utils)
  command -v zbarimg >/dev/null || missing+=(zbar-tools)
  command -v php >/dev/null || missing+=(php-cli)
  command -v npm >/dev/null || missing+=(npm)
  php -m 2>/dev/null | grep -qi '^soap$' || missing+=(php-soap)
  [ -e /usr/lib/softhsm/libsofthsm2.so ] || missing+=(softhsm2)
  command -v p11-kit >/dev/null && ls /usr/lib/*/pkcs11/p11-kit-client.so >/dev/null 2>&1 || missing+=(p11-kit p11-kit-modules)
  command -v radosgw >/dev/null && command -v ceph-osd >/dev/null || missing+=($(bash "$root/deploy/test_s3.sh" packages))
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  local as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  # The packages would start servers on the machine's own ports; the tests want private ones only.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    made=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  local done=0
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || done=$?
  [ -z "$made" ] || "${as_root[@]}" rm -f "$policy"
  return "$done"
}

as_postgres() {
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

as_redis() {
  # Root's Redis would let whoever reaches the port write files as root.
  if [ "$(id -u)" -eq 0 ]; then runuser -u redis -- "$@"; else "$@"; fi
}

start_redis() {
  if redis-cli -h 127.0.0.1 -p "$redis_port" ping >/dev/null 2>&1; then return; fi
  rm -rf "$redis_dir"; mkdir -p "$redis_dir"; chmod 700 "$redis_dir"
  if [ "$(id -u)" -eq 0 ]; then chown redis "$redis_dir"; fi
  ( cd /tmp
    as_redis redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
      --dir "$redis_dir" --pidfile "$redis_dir/redis.pid" --logfile "$redis_dir/server.log" >/dev/null )
  for _ in $(seq 100); do
    redis-cli -h 127.0.0.1 -p "$redis_port" ping >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "Redis did not start: $redis_dir/server.log" >&2; exit 69
}

stop_redis() {
  [ -f "$redis_dir/redis.pid" ] || return 0
  redis-cli -h 127.0.0.1 -p "$redis_port" shutdown nosave >/dev/null 2>&1 || true
  rm -rf "$redis_dir"
}

as_mariadb() {
  # MariaDB refuses to run as root.
  if [ "$(id -u)" -eq 0 ]; then runuser -u mysql -- "$@"; else "$@"; fi
}

mariadb_answers() {
  mariadb-admin --no-defaults -h 127.0.0.1 -P "$mariadb_port" -u root --connect-timeout=2 ping >/dev/null 2>&1
}

start_mariadb() {
  if mariadb_answers; then return; fi
  rm -rf "$mariadb_dir"; mkdir -p "$mariadb_dir/data" "$mariadb_dir/tmp"; chmod 700 "$mariadb_dir"
  if [ "$(id -u)" -eq 0 ]; then chown -R mysql "$mariadb_dir"; fi
  ( cd /tmp
    as_mariadb mariadb-install-db --no-defaults --datadir="$mariadb_dir/data" --auth-root-authentication-method=normal \
      --skip-test-db >"$mariadb_dir/install.log" 2>&1
    # Only the addresses of this machine, so that no other host meets a root without a password.
    as_mariadb /usr/sbin/mariadbd --no-defaults --datadir="$mariadb_dir/data" --tmpdir="$mariadb_dir/tmp" \
      --bind-address=127.0.0.1 --port="$mariadb_port" --socket="$mariadb_dir/mariadb.sock" \
      --pid-file="$mariadb_dir/mariadb.pid" --log-error="$mariadb_dir/server.log" --skip-log-bin \
      --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --max-connections=200 \
      </dev/null >/dev/null 2>&1 & )
  for _ in $(seq 300); do
    mariadb_answers && return
    sleep 0.1
  done
  echo "MariaDB did not start: $mariadb_dir/server.log" >&2; exit 69
}

stop_mariadb() {
  [ -f "$mariadb_dir/mariadb.pid" ] || return 0
  local pid; pid="$(cat "$mariadb_dir/mariadb.pid")"
  mariadb-admin --no-defaults -h 127.0.0.1 -P "$mariadb_port" -u root shutdown >/dev/null 2>&1 || true
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  rm -rf "$mariadb_dir"
}

start_postgres() {
  if as_postgres "$(pg_bin)/pg_isready" -q -h "$socket_dir" -p "$port"; then return; fi
  local data="/tmp/yizheng-test-pgdata-$(id -u)-$port"
  rm -rf "$data" "$socket_dir"; mkdir -p "$state" "$data" "$socket_dir"; chmod 700 "$data"
  if [ "$(id -u)" -eq 0 ]; then chown postgres "$data" "$socket_dir"; fi
  ( cd /tmp
    as_postgres "$(pg_bin)/initdb" -D "$data" -U yizheng -A trust -E UTF8 --locale=C >/dev/null
    # Members of this role must give a password: sources are refused with a wrong one.
    sed -i '1i host all +readers 127.0.0.1/32 scram-sha-256' "$data/pg_hba.conf"
    as_postgres "$(pg_bin)/pg_ctl" -D "$data" -w -s -l "$data/server.log" \
      -o "-p $port -k $socket_dir -c listen_addresses=127.0.0.1 -c max_connections=300" start )
  echo "$data" > "$state/postgres"
}

postgres_waits() {
  # Tests make and drop some thousand databases, and none must outlive a power cut.
  as_postgres "$(pg_bin)/psql" -q -h "$socket_dir" -p "$port" -U yizheng -d postgres -c "ALTER SYSTEM SET fsync = $1" \
    -c "ALTER SYSTEM SET full_page_writes = $1" -c "ALTER SYSTEM SET synchronous_commit = $1" \
    -c 'SELECT pg_reload_conf()' >/dev/null
}

postgres_makes_databases() {
  # In memory, where there is a gigabyte of it, or on the disk, as is measured: where template1 is.
  local free; free="$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" || free=0
  local ask=(as_postgres "$(pg_bin)/psql" -qAt -h "$socket_dir" -p "$port" -U yizheng -d postgres -c)
  if [ "$1" = memory ] && [ -z "$("${ask[@]}" "SELECT 1 FROM pg_tablespace WHERE spcname = 'memory'")" ]; then
    [ "$free" -gt 1000000 ] || return 0
    rm -rf "$pg_memory"; mkdir -p "$pg_memory"; chmod 700 "$pg_memory"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$pg_memory"; fi
    "${ask[@]}" "CREATE TABLESPACE memory LOCATION '$pg_memory'"
  fi
  [ ! -e "$pg_memory" ] || "${ask[@]}" "ALTER DATABASE template1 SET TABLESPACE $1"
}

stop_postgres() {
  [ -f "$state/postgres" ] || return 0
  local data; data="$(cat "$state/postgres")"
  ( cd /tmp; as_postgres "$(pg_bin)/pg_ctl" -D "$data" -s -m immediate stop || true )
  rm -rf "$data" "$socket_dir" "$pg_memory" "$state/postgres"
}

install_judges() {
  # Verifiers written in JavaScript. npm's log names the machine's registry, so it is kept out of the way.
  local judges="$root/tests/judges"
  [ "$judges/node_modules/.package-lock.json" -nt "$judges/package-lock.json" ] && return
  ( cd "$judges" && npm install --omit=optional --no-save --silent >/dev/null 2>&1 && touch node_modules/.package-lock.json ) ||
    echo "the judges in tests/judges were not installed: $without" >&2
}

install_reader() {
  # An OFD reader for browsers. One of its files is used; to install the package would bring 120 MB of its maker's tools.
  local folder="$root/tests/judges/node_modules/ofd.js" file="ofd.umd.min.js" scratch
  local digest=9b47d64947c94839a6cb24ef3e291ffb8047d2d372ca92836a14bef3a130eda0
  [ "$(sha256sum "$folder/$file" 2>/dev/null | cut -d' ' -f1)" = "$digest" ] && return
  scratch="$(mktemp -d)"
  ( cd "$scratch" && npm pack --silent ofd.js@0.2.6 >/dev/null 2>&1 &&
    tar -xzOf ofd.js-0.2.6.tgz "package/lib/$file" >"$file" && echo "$digest  $file" | sha256sum --check --quiet &&
    mkdir -p "$folder" && mv "$file" "$folder/" ) ||
    echo "the OFD reader ofd.js 0.2.6 was not installed: $without" >&2
  rm -rf "$scratch"
}

start() {
  packages
  install_judges
  install_reader
  start_postgres
  postgres_waits off
  postgres_makes_databases memory
  start_redis
  start_mariadb
  # Its first start makes a small cluster, which a loaded machine may not manage in time.
  if ! bash "$root/deploy/test_s3.sh" start; then
    bash "$root/deploy/test_s3.sh" stop
    bash "$root/deploy/test_s3.sh" start || echo "the S3 server did not start: $without" >&2
  fi
}

stop() {
  bash "$root/deploy/test_s3.sh" stop
  stop_mariadb
  stop_redis
  stop_postgres
}

run() {
  export YIZHENG_TEST_POSTGRES="postgresql://yizheng@127.0.0.1:$port"
  export YIZHENG_TEST_REDIS="redis://127.0.0.1:$redis_port/0"
  export YIZHENG_TEST_MARIADB="mysql://root@127.0.0.1:$mariadb_port"
  local s3
  if s3="$(bash "$root/deploy/test_s3.sh" url)"; then export YIZHENG_TEST_S3="$s3"; fi
  # Tests start commands and servers by the dozen: without kept bytecode each compiles for two seconds what it imports.
  export PYTHONDONTWRITEBYTECODE=
  exec "$@"
}

case "${1:-}" in
  start) start ;;
  durable) postgres_waits on; postgres_makes_databases pg_default ;;
  stop) stop ;;
  run) shift; run "$@" ;;
  *) echo "usage: $0 start | durable | stop | run CMD…" >&2; exit 64 ;;
esac
