#!/usr/bin/env bash
# A real S3 server for the tests: Ceph's object gateway with one monitor and one memory-backed store, loopback only.
# Everything lies in one folder under /tmp and is gone after stop.
#   packages   what must be installed, one line
#   start      start, wait until it answers; a running one is kept
#   url        print http://ACCESS:SECRET@HOST:PORT, the value of YIZHENG_TEST_S3, if it runs
#   stop       stop and remove it
set -euo pipefail
port="${YIZHENG_TEST_S3_PORT:-59180}"
dir="/tmp/yizheng-test-s3-$(id -u)-$port"
access=yizheng-test
secret=s3-secret-of-the-tests-5c81
conf="$dir/ceph.conf"

packages() { echo radosgw ceph-mon ceph-osd ceph-common; }

answers() { curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$port/"; }

present() {
  local tool
  for tool in ceph-mon ceph-osd radosgw radosgw-admin ceph monmaptool curl; do
    command -v "$tool" >/dev/null || { echo "not installed: $tool (apt-get install $(packages))" >&2; return 1; }
  done
}

running() { # NAME CMD… in the background, its id remembered
  local name=$1; shift
  setsid "$@" >"$dir/$name.out" 2>&1 </dev/null &
  echo $! >>"$dir/pids"
}

until_ok() { # SECONDS CMD…
  local tries=$(( $1 * 10 )); shift
  until "$@" >/dev/null 2>&1; do
    tries=$(( tries - 1 )); [ "$tries" -gt 0 ] || { echo "no answer: $*" >&2; return 1; }
    sleep 0.1
  done
}

configure() {
  local fsid; fsid="$(cat /proc/sys/kernel/random/uuid)"
  cat >"$conf" <<END
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name.log
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
[client]
keyring = $dir/keyring
[mon.a]
mon data = $dir/mon
[osd]
osd data = $dir/osd
keyring = $dir/osd/keyring
osd objectstore = memstore
memstore device bytes = 1073741824
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw thread pool size = 32
END
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n client.admin \
    --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  ceph-authtool "$dir/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'
  ceph-authtool --create-keyring "$dir/mon.keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$dir/mon.keyring" --import-keyring "$dir/keyring"
  ceph-authtool --create-keyring "$dir/osd/keyring" --gen-key -n osd.0
  monmaptool --create --clobber --fsid "$fsid" \
    --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$dir/monmap"
  ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/mon.keyring"
}

start() {
  if answers; then return; fi
  present
  stop
  mkdir -p "$dir"/{mon,osd,run,log}; chmod 700 "$dir"
  : >"$dir/pids"
  configure >"$dir/configure.out" 2>&1
  running mon ceph-mon -c "$conf" -i a -f
  until_ok 20 timeout 5 ceph -c "$conf" --connect-timeout 3 mon stat
  local key; key="$(ceph-authtool "$dir/osd/keyring" -n osd.0 -p)"
  local id; id="$(cat /proc/sys/kernel/random/uuid)"
  printf '{"cephx_secret":"%s"}' "$key" | timeout 30 ceph -c "$conf" osd new "$id" 0 -i - >/dev/null
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$id" >"$dir/mkfs.out" 2>&1
  timeout 30 ceph -c "$conf" osd crush add 0 1 root=default host=one >/dev/null 2>&1
  running osd ceph-osd -c "$conf" -i 0 -f
  until_ok 20 sh -c "timeout 5 ceph -c '$conf' osd stat | grep -q '1 up'"
  timeout 120 radosgw-admin -c "$conf" -n client.rgw user create --uid=test --display-name=test \
    --access-key="$access" --secret-key="$secret" >"$dir/user.out" 2>&1
  running rgw radosgw -c "$conf" -n client.rgw -f
  until_ok 30 answers
}

stop() {
  [ -f "$dir/pids" ] || { rm -rf "$dir"; return 0; }
  local pid
  for pid in $(tac "$dir/pids"); do kill "$pid" 2>/dev/null || true; done
  for pid in $(tac "$dir/pids"); do
    until_ok 10 sh -c "! kill -0 $pid" || kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}

case "${1:-}" in
  packages) packages ;;
  start) start ;;
  stop) stop ;;
  url) answers && echo "http://$access:$secret@127.0.0.1:$port" ;;
  *) echo "usage: $0 packages | start | url | stop" >&2; exit 64 ;;
esac
