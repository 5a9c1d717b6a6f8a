"""Files and commands that hold credentials, the environment or a history."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.values import UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

_FILES: tuple[tuple[str, str], ...] = (
    (
        r"/etc/(?:g?shadow-?|sudoers(?:\.d/.*)?|krb5\.keytab|master\.passwd|security/opasswd)",
        "passwords of this machine",
    ),
    (
        r"(?:.*/)?\.ssh(?:/(?:id_[^/]*(?<!\.pub)|identity|[^/]*_rsa|[^/]*_ed25519|[^/]*\.pem|authorized_keys2?|\*|config\.key))?",
        "SSH keys",
    ),
    (r"/etc/ssh/ssh_host_[^/]*_key", "SSH keys"),
    (r"(?:.*/)?\.aws(?:/(?:credentials|sso/.*|cli/cache.*|config|\*))?", "AWS credentials"),
    (
        r"(?:.*/)?\.config/gcloud(?:/.*)?|(?:.*/)?application_default_credentials\.json",
        "Google Cloud credentials",
    ),
    (r"(?:.*/)?\.azure(?:/.*)?", "Azure credentials"),
    (
        r"(?:.*/)?\.kube(?:/(?:config|\*))?|/etc/kubernetes/.*\.conf|/etc/rancher/k3s/k3s\.yaml",
        "Kubernetes credentials",
    ),
    (r"/(?:var/)?run/secrets(?:/.*)?", "secrets of a container"),
    (r"(?:.*/)?\.docker/config\.json|(?:.*/)?\.dockercfg", "registry credentials"),
    (
        r"(?:.*/)?\.(?:netrc|pgpass|my\.cnf|git-credentials|npmrc|pypirc|yarnrc\.yml|s3cfg|boto|vault-token|terraformrc|htpasswd|smbcredentials)",
        "stored passwords",
    ),
    (
        r"(?:.*/)?\.(?:cargo/credentials(?:\.toml)?|gem/credentials|m2/settings\.xml|terraform\.d/credentials\.tfrc\.json|config/(?:gh|hub|op|doctl|rclone|gh/.*|rclone/.*|github-copilot/.*))",
        "stored tokens",
    ),
    (r"(?:.*/)?\.gnupg(?:/.*)?", "GPG keys"),
    (r"(?:.*/)?\.password-store(?:/.*)?|(?:.*/)?[^/]*\.kdbx?", "a password store"),
    (
        r"(?:.*/)?(?:\.env(?:\.(?:local|prod|production|staging|dev|development|secret|live))?|\.envrc|\.flaskenv)",
        "an environment file",
    ),
    (
        r"(?:.*/)?(?:credentials|secrets?|service[-_]account[^/]*|client_secret[^/]*)\.(?:json|ya?ml|toml|ini|txt|env)",
        "a file of credentials",
    ),
    (
        r"(?:.*/)?[^/]+\.(?:pem|p12|pfx|jks|keystore|ppk|ovpn)|(?:.*/)?(?:private|server|tls|client|privkey)[^/]*\.key",
        "private keys",
    ),
    (r"/proc/(?:\d+|self|\*|\0|\$\$)/(?:environ|mem|maps\.key)", "the environment of a process"),
    (
        r"(?:.*/)?(?:Login Data|Cookies|logins\.json|key4\.db|cookies\.sqlite|"
        r"Local State|\*?\.?keychain(?:-db)?)",
        "passwords of a browser",
    ),
    (
        r"(?:.*/)?(?:\.mozilla/firefox|\.config/(?:google-chrome|chromium|BraveSoftware))(?:/.*)?",
        "a browser's profile",
    ),
    (
        r"(?:.*/)?(?:\.bitcoin|\.ethereum|\.electrum|\.config/solana)(?:/.*)?|(?:.*/)?wallet\.dat",
        "a wallet",
    ),
    (
        r"(?:~|.*/)?/?\.(?:bash|zsh|sh|python|psql|mysql|node_repl|sqlite|rediscli)_?history",
        "a history",
    ),
    (
        r"/var/lib/(?:sss|samba)/.*|/var/lib/kubelet/pki/.*|.*/ntds\.dit|.*/SAM",
        "passwords of this machine",
    ),
    (
        r"(?:.*/)?\.claude/\.credentials\.json|(?:.*/)?\.codex/auth\.json|(?:.*/)?\.config/anthropic.*",
        "tokens of an agent",
    ),
)
_ANY = re.compile("|".join(f"({pattern})" for pattern, _ in _FILES), re.S)

_EXAMPLES = [
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "~/.ssh/id_rsa",
    "~/.ssh/id_ed25519",
    "~/.aws/credentials",
    "~/.netrc",
    "~/.kube/config",
    "~/.docker/config.json",
    "~/.git-credentials",
    "~/.npmrc",
    "~/.pypirc",
    "~/.pgpass",
    "~/.gnupg/secring.gpg",
    "~/.bash_history",
    "/proc/self/environ",
    "~/.env",
    "./.env",
]


@lru_cache(maxsize=4_096)
def holds(path: str) -> str | None:
    """What secrets a normal path holds, or None."""
    match = _ANY.fullmatch(path)
    if match is not None and not path.endswith((".example", ".sample", ".template", ".pub")):
        return _FILES[(match.lastindex or 1) - 1][1]
    if any(mark in path for mark in "*?[" + UNKNOWN):
        return _may_hold(path)
    return None


def _may_hold(path: str) -> str | None:
    """The same for a pattern, or a path with an unknown piece, that fits a well-known file."""
    parts = [part.replace(UNKNOWN, "*") for part in path.split("/")]
    known = sum(len(re.sub(r"[*?\[\]]", "", part)) for part in parts)
    if known < 3:
        return None
    for example in _EXAMPLES:
        places = example.split("/")
        if len(places) == len(parts) and all(
            fnmatch.fnmatchcase(place, part) for place, part in zip(places, parts, strict=True)
        ):
            return holds(example)
    return None


_TELLERS = re.compile(
    r"(?:gh auth (?:token|status -t\b|status --show-token\b)|"
    r"gcloud (?:auth (?:application-default )?print-access-token|"
    r"auth print-identity-token|secrets versions access)\b|"
    r"aws (?:configure (?:get|export-credentials)|sts (?:get-session-token|"
    r"assume-role)|secretsmanager get-secret-value|"
    r"ssm get-parameters?.* --with-decryption|ecr get-login-password|"
    r"iam create-access-key)\b|"
    r"az (?:account get-access-token|keyvault secret show)\b|"
    r"kubectl (?:-n \S+ )?get secrets?\b.*(?:-o|--output|--template)|oc whoami -t\b|"
    r"vault (?:read|kv get|print token)\b|pass (?:show )?[\w/-]+$|op (?:read|"
    r"item get)\b|bw (?:get|list)\b|secret-tool lookup\b|"
    r"security (?:find-(?:generic|internet)-password\b.*-\w*[wga]|dump-keychain|"
    r"export)|gpg2? .*--export-secret|git credential fill|"
    r"heroku (?:auth:token|config)\b|doppler secrets|docker-credential-\S+ get|"
    r"cmdkey /list|npm token list|"
    r"mimipenguin|lazagne|mimikatz|keyctl (?:read|print|pipe)|getent (?:g?shadow)|"
    r"unshadow|john\b|hashcat\b|chromepass|terraform output.*-(?:raw|json)|"
    r"sops (?:-d|--decrypt|decrypt)\b|ansible-vault (?:view|decrypt)\b)"
)


def reveals(call: Call) -> str | None:
    """What secrets a command writes out by itself, or None."""
    name = call.name
    if name in ("env", "printenv", "set", "history", "fc", "export", "declare"):
        if name == "printenv" and call.operands:
            wanted = " ".join(call.verbs).upper()
            is_secret = re.search(r"KEY|TOKEN|SECRET|PASS|CRED", wanted) is not None
            return "a secret of the environment" if is_secret else None
        if name in ("env", "printenv") and not call.operands:
            return "the environment"
        if name == "history" and not call.args:
            return "a history"
        if name in ("export", "declare") and call.args in (["-p"], ["-x"], ["-px"]):
            return "the environment"
        return None
    if name in _TELLER_NAMES and _TELLERS.match(" ".join([name, *call.args])):
        return "credentials"
    return None


_TELLER_NAMES = names(
    "gh gcloud aws az kubectl oc vault pass op bw secret-tool security gpg gpg2 git heroku "
    "doppler cmdkey npm mimipenguin lazagne mimikatz keyctl getent unshadow john hashcat "
    "chromepass terraform sops ansible-vault"
)
"""Names with which `_TELLERS` may match."""
