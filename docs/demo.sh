#!/bin/sh
# A real container with the watcher beside it: each notification as it arrives, the state file, nothing left behind.
# As root or as an ordinary user; no image: the host's own /usr, read-only.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
runf=$here/.venv/bin/runf
place=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/runf-demo.XXXXXX")" && pwd -P)
root=$place/root
socket=$place/watcher.sock
watcher=
events=
export XDG_RUNTIME_DIR="$place" # an ordinary user's watcher keeps its journal below it

fail() {
    echo "demo: $*" >&2
    exit 1
}

clean_up() {
    for pid in $events $watcher; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    "$runf" --root "$root" delete --force demo >/dev/null 2>&1 || true
    if [ "$(id -u)" -eq 0 ]; then
        # a watcher keeps its journal in a directory of its own, named by the root that it follows
        rm -rf "/run/opencontainer/watcher/$(printf %s "$root" | sha256sum | cut -c1-16)"
        rmdir /run/opencontainer/watcher /run/opencontainer 2>/dev/null || true
    fi
    rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() {
    printf '\n%s\n' "$*"
}

# print notifications as they arrive, up to the one that is named
show_until() {
    while read -r line <&3; do
        echo "   > $line"
        case $line in *"  $1"*) return ;; esac
    done
    fail "the stream ended before \"$1\" came"
}

subscribers() {
    "$here/.venv/bin/python3" -c '
import http.client, json, socket, sys
connection = http.client.HTTPConnection("runf")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("GET", "/healthz")
print(json.load(connection.getresponse())["subscribers"])' "$socket"
}

rootless=
if [ "$(id -u)" -ne 0 ]; then
    rootless=--rootless
    command -v unshare >/dev/null || fail "unshare is missing: apt install util-linux"
    unshare --user --map-root-user true 2>/dev/null ||
        fail "this machine lets ordinary users make no user namespaces: run the demo as root"
fi

say "1. runf-watcher follows $root"
mkfifo "$place/ready" "$place/stream"
"$here/.venv/bin/runf-watcher" --root "$root" --socket "$socket" 2>"$place/ready" &
watcher=$!
read -r line <"$place/ready" || fail "the watcher did not start"
echo "   $line"
case $line in *"following $root"*) ;; *) fail "the watcher did not start" ;; esac

say "2. A monitor subscribes: runf events --text; what it is told is marked with >"
"$runf" --root "$root" events --socket "$socket" --text --until deleted >"$place/stream" &
events=$!
exec 3<"$place/stream"
tries=0
while [ "$(subscribers)" -eq 0 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "the monitor did not subscribe"
done

say "3. runf spec writes a bundle that needs no image; runf run --detach starts it, and nobody waits for it"
# shellcheck disable=SC2086 # empty or one option
"$runf" spec $rootless --host-usr --bundle "$place/bundle" -- \
    sh -c 'echo "   hello from the container: process 1 here is $(cat /proc/1/comm)"; exit 7'
"$runf" --root "$root" run --detach --bundle "$place/bundle" demo
show_until "stopped"

say "4. Its state, for everybody to read: cat $root/demo/state.json"
cat "$root/demo/state.json"

say "5. runf delete; the last record stays for an hour, in $root/.deleted"
"$runf" --root "$root" delete demo
show_until "deleted"

say "The exit code 7 was told, though nobody was the parent. Nothing is left behind."
