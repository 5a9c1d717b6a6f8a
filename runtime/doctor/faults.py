"""The faults: a name, what is wrong, and what to do about it. The page on troubleshooting is made
from this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`name`: never changed. `meaning`: what is wrong, in a sentence. `way_out`: what to do, in
    sentences with commands in backticks."""

    name: str
    meaning: str
    way_out: str


_ROWS = (
    # --- the container engine
    Fault(
        "engine-absent",
        "No container engine answers where it is looked for.",
        "Start it with `sudo systemctl start docker`, or install one. If it listens elsewhere, set "
        "`DOCKER_HOST`, as `unix:///run/user/1000/docker.sock` for a rootless one. The embedded "
        "engine of policyc needs none.",
    ),
    Fault(
        "engine-forbidden",
        "The container engine runs, and this user may not use it.",
        "Add the user to its group with `sudo usermod -aG docker $USER`, and log in again; or run "
        "a rootless engine and set `DOCKER_HOST`.",
    ),
    Fault(
        "engine-silent",
        "Something takes connections where the container engine should be, and does not answer.",
        "Start the engine again with `sudo systemctl restart docker`, and look into its log with "
        "`journalctl -u docker`.",
    ),
    Fault(
        "engine-elsewhere",
        "`DOCKER_HOST` names an engine on another machine, whose containers cannot be reached.",
        "Set `DOCKER_HOST` to an engine on this machine; or run `policyc serve` on the other one, "
        "and name its address as the backend.",
    ),
    Fault(
        "engine-refuses",
        "The container engine answers with an error.",
        "What it says is the reason. Its log is shown by `journalctl -u docker`.",
    ),
    # --- the image
    Fault(
        "image-missing",
        "The image that the container is made from is not on this machine.",
        "Build that of policyc with `policyc container build`; fetch another with `docker pull`.",
    ),
    Fault(
        "image-outdated",
        "The image was built from another state of policyc than the one that is installed.",
        "Build it again with `policyc container build`. A container that runs is replaced when "
        "nobody uses it, or with `policyc container down`.",
    ),
    # --- the container
    Fault(
        "container-foreign",
        "A container or network that policyc did not make for this user has a name that it needs.",
        "Rename it with `docker rename`, remove it, or let the names begin with something else: "
        "`POLICYC_CONTAINER_PREFIX`.",
    ),
    Fault(
        "container-silent",
        "The container runs, and the server in it does not answer.",
        "Read `policyc container logs`, then start it anew: `policyc container down`, `policyc "
        "container up`.",
    ),
    Fault(
        "container-version",
        "The server in the container is of another version of policyc.",
        "Build the image with `policyc container build`, and let the container be made again: "
        "`policyc container down`.",
    ),
    # --- ports and locks
    Fault(
        "ports-taken",
        "All ports of the range that containers of sandboxes get are in use.",
        "End what uses them (`ss -ltnp` lists it).",
    ),
    Fault(
        "locks-unusable",
        "The folder with the locks of ports and containers cannot be used, or belongs to others.",
        "Set `POLICYC_LOCK_DIR` to a folder that only you can write to.",
    ),
    # --- sandboxes
    Fault(
        "sandboxes-none",
        "Nothing on this machine runs sandboxes.",
        "Start a container engine and build the image with `policyc sandbox build-image`, or do "
        "what the detail says about the embedded provider. `--provider remote` has them run "
        "elsewhere.",
    ),
    Fault(
        "sandbox-image",
        "A container engine answers, and the image of sandboxes is not there: the embedded "
        "provider is used instead.",
        "Build it with `policyc sandbox build-image`.",
    ),
    Fault(
        "state-unusable",
        "The folder with traces and the audit log of sandboxes cannot be used.",
        "Set `POLICYC_STATE_DIR` to a folder that only you can write to.",
    ),
    Fault(
        "audit-damaged",
        "The audit log was changed, or cannot be read.",
        "`policyc audit verify` lists each line that does not fit. Keep the file, find out who "
        "wrote to it, and move it away to begin a new one.",
    ),
    # --- a server
    Fault(
        "server-unreachable",
        "Nothing answers at the address of the server.",
        "Start it with `policyc serve`, and compare host and port with what it prints. From "
        "another machine it is reached only if it was started with `--host`.",
    ),
    Fault(
        "server-slow",
        "The server takes connections and does not answer in time.",
        "Look into its log and its `/metrics`: too few `--workers`, or a policy that takes long. "
        "`POLICYC_BACKEND_TIMEOUT` is how long a program waits.",
    ),
    Fault(
        "server-token",
        "The server wants a token, and the one that is sent is missing or wrong.",
        "Set `POLICYC_TOKEN` to the token that the server was started with.",
    ),
    Fault(
        "server-version",
        "The server speaks another protocol than this version of policyc.",
        "Install the same version on both sides.",
    ),
    Fault(
        "server-unknown",
        "Something answers at the address, and it is no server for policies.",
        "Check the address. If it is a server of Invariant behind something else, name its API, as "
        "`session+http://...`.",
    ),
    # --- services that detectors ask
    Fault(
        "service-address",
        "The address of a service that detectors ask cannot be used.",
        "Write it as `https://host/v1` in the variable that the message names.",
    ),
    Fault(
        "service-key",
        "A service that detectors ask wants a key, and the one that is sent is missing or wrong.",
        "Set the variable that the message names, as `POLICYC_LLM_KEY`; for OpenAI's services "
        "`OPENAI_API_KEY` does as well.",
    ),
    Fault(
        "service-unreachable",
        "A service that detectors ask cannot be reached from this machine.",
        "Check the network, and `HTTPS_PROXY` if there is a proxy. Without network use recorded "
        "answers (`POLICYC_LLM_REPLAY`) or a model in a folder. Rules that need the service fail "
        "until then, and so block.",
    ),
    # --- this installation
    Fault(
        "extra-absent",
        "An optional part of policyc is not installed.",
        "Install it if you need it, as `pip install 'policyc[NAME]'`.",
    ),
    Fault(
        "cache-unusable",
        "Compiled policies cannot be kept: the folder cannot be written to, or others can write "
        "to it.",
        "Make the folder your own (`chmod 700`), or set `POLICYC_CACHE_DIR` to one that is. "
        "Without it everything works, and each start compiles again; `POLICYC_NO_CACHE=1` says "
        "that this is meant.",
    ),
    Fault(
        "setting-wrong",
        "An environment variable has a value that cannot be used.",
        "Correct it, or unset it.",
    ),
    Fault(
        "clock-behind",
        "The clock of this machine says a time before policyc was installed.",
        "Set the clock, with `sudo timedatectl set-ntp true` for instance. Connections with "
        "certificates fail until then.",
    ),
    Fault(
        "clock-apart",
        "The clocks of this machine and of the server or container engine are more than a minute "
        "apart.",
        "Set both by the network, with `sudo timedatectl set-ntp true` for instance. After a "
        "machine was suspended, starting its container engine again helps.",
    ),
)

FAULTS: dict[str, Fault] = {row.name: row for row in _ROWS}
