#!/usr/bin/env bash
# Have a Docker engine answer on this machine: installs Debian's packages where there is none and starts it.
# Safe to run any number of times. Needs root where the engine does not answer yet.
set -euo pipefail

pid_file=/var/run/docker.pid
containerd_pid_file=/var/run/docker/containerd/containerd.pid
log=${DOCKERD_LOG:-/var/log/policyc-dockerd.log}

answers() { timeout 5 docker info --format '{{.ServerVersion}}' 2>/dev/null | grep -q .; }

# Whether the process in pid file $1 is a living $2: pid files outlast their process, whose number may be
# another's by then, and in a container nobody may have reaped it.
lives() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] &&
        ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}

install_engine() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iproute2 iptables >/dev/null
}

mount_control_groups() {
    mountpoint -q /sys/fs/cgroup && return
    command -v cgroupfs-mount >/dev/null || apt-get install -y -qq cgroupfs-mount >/dev/null
    cgroupfs-mount
}

start() {
    # A new dockerd waits half a minute for a containerd that is going down or dead: let it go, drop its pid file.
    for _ in $(seq 50); do
        lives "$containerd_pid_file" containerd || break
        sleep 0.1
    done
    lives "$containerd_pid_file" containerd || rm -f "$containerd_pid_file"
    rm -f "$pid_file"
    setsid dockerd --live-restore --log-level warn >>"$log" 2>&1 </dev/null &
}

await_answer() {
    for tenth in $(seq 300); do
        answers && return 0
        [ "$tenth" -gt 20 ] && ! lives "$pid_file" dockerd && return 1
        sleep 0.1
    done
    return 1
}

if answers; then exit 0; fi
command -v dockerd >/dev/null || install_engine
mount_control_groups
for _ in 1 2 3; do
    lives "$pid_file" dockerd || start
    if await_answer; then exit 0; fi
    sleep 1
done
tail -20 "$log" >&2
echo "the Docker engine did not come up; its log is $log" >&2
exit 1
