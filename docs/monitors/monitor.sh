#!/bin/sh
# A monitor with curl and jq: tells how each container ended, and goes on where it left off.
# usage: monitor.sh [SOCKET] [FILE for the cursor]
socket=${1:-/run/opencontainer/watcher.sock}
file=${2:-cursor}
while :; do
    cursor=$(cat "$file" 2>/dev/null)
    {
        curl -sNf --unix-socket "$socket" "http://runf/v1/events${cursor:+?after=$cursor}"
        [ $? -ne 22 ] || rm -f "$file" # refused: the cursor leads nowhere any more, so start anew
    } | jq --unbuffered -r '[.cursor // "-", .type, .subject, .data.exit.code? // "unknown"] | join(" ")' |
        while read -r cursor type id code; do
            case $type in *.stopped.v1) echo "$id ended with exit code $code" ;; esac
            [ "$cursor" = - ] || echo "$cursor" >"$file"
        done
    sleep 1
done
