"""Deleting databases, clusters, buckets and other things that a command line manages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"resource-destroy": "deletes a database, a cluster's or a cloud's resources, or volumes"}

_SQL = re.compile(
    r"\bDROP\s+(?:DATABASE|SCHEMA|TABLE|USER|ROLE|OWNED|KEYSPACE|COLLECTION)\b|\bTRUNCATE\s+(?:TABLE\s+)?\w|"
    r"\bDELETE\s+FROM\s+[\w.\"`]+\s*(?:;|$|\"|')|\.dropDatabase\(|\.drop\(\)|\.deleteMany\(\s*\{\s*\}|"
    r"\bUPDATE\s+\w+\s+SET\s+[^;]*?(?:;|$)(?<!WHERE)",
    re.I,
)
_WHERE = re.compile(r"\bUPDATE\b(?!.*\bWHERE\b)", re.I | re.S)
_CLIENTS = names(
    "psql mysql mariadb sqlite3 sqlite mongosh mongo cqlsh sqlcmd "
    "clickhouse-client influx cockroach duckdb bq usql pgcli mycli"
)
_FORMS = {
    "terraform": r"(?:-chdir=\S+ )?(?:destroy|apply .*-destroy|state rm|workspace delete)",
    "tofu": r"(?:-chdir=\S+ )?(?:destroy|apply .*-destroy|state rm)",
    "terragrunt": r"(?:run-all )?destroy",
    "pulumi": r"(?:destroy|stack rm)",
    "cdk": r"destroy",
    "sam": r"delete",
    "serverless": r"remove",
    "kubectl": r"(?:\S+ )*?(?:delete\b(?! (?:-f \S+ )?--dry-run)|drain\b|scale\b.*--replicas[= ]0)",
    "oc": r"(?:\S+ )*?delete\b",
    "helm": r"(?:uninstall|delete)",
    "aws": (
        r"(?:\S+ )*?(?:s3 rb|s3 rm .*--recursive|s3api delete-|ec2 terminate-|rds delete-|"
        r"dynamodb delete-table|cloudformation delete-|eks delete-|ecr delete-|lambda delete-|"
        r"iam delete-|kms schedule-key-deletion|efs delete-|logs delete-|organizations delete|"
        r"route53 delete)"
    ),
    "gcloud": r"(?:\S+ )*?delete\b",
    "gsutil": r"(?:-m )?(?:rm .*-\w*r|rm -\w*r|rb)",
    "az": r"(?:\S+ )*?(?:delete|purge)\b",
    "doctl": r"(?:\S+ )*?(?:delete|destroy)\b",
    "flyctl": r"(?:\S+ )*?destroy",
    "fly": r"(?:\S+ )*?destroy",
    "heroku": r"(?:apps:destroy|pg:reset|apps:delete|addons:destroy)",
    "vercel": r"(?:remove|rm)\b",
    "redis-cli": r"(?i:.*\b(?:flushall|flushdb|shutdown)\b)",
    "dropdb": r".+",
    "dropuser": r".+",
    "mysqladmin": r".*\bdrop\b",
    "docker": (
        r"(?:system prune .*(?:-\w*a|--volumes|--all)|volume (?:rm|prune)|"
        r"image prune .*-\w*a|swarm leave .*--force|stack rm|compose down .*(?:-v|"
        r"--volumes)|rm -\w*f\w* \$?)"
    ),
    "podman": r"(?:system (?:prune .*-\w*a|reset)|volume (?:rm|prune))",
    "docker-compose": r"down .*(?:-v|--volumes)",
    "vagrant": r"destroy",
    "virsh": r"(?:undefine|destroy|vol-delete|pool-delete)",
    "rabbitmqctl": r"(?:reset|force_reset|delete_)",
    "kafka-topics": r".*--delete",
    "etcdctl": r"del .*(?:--prefix|\"\")",
    "consul": r"kv delete -recurse",
    "vault": r"(?:secrets disable|kv metadata delete|delete|lease revoke -prefix)",
    "rails": r"db:(?:drop|reset|purge)",
    "rake": r"db:(?:drop|reset|purge)",
    "artisan": r"migrate:(?:fresh|reset)|db:wipe",
    "prisma": r"migrate reset|db push .*--force-reset",
    "supabase": r"db reset .*--linked|projects delete",
    "firebase": r"(?:firestore:delete|projects:delete|database:remove)",
    "mc": r"(?:rb|rm .*--recursive)",
    "s3cmd": r"(?:rb|del .*--recursive|rm .*--recursive)",
    "rclone": r"(?:purge|delete|rmdirs|sync)\b",
    "lvremove": r".+",
    "zfs": r"destroy",
    "btrfs": r"subvolume delete",
    "npm": r"unpublish",
    "cargo": r"yank",
    "crontab": r"-r",
}
_PATTERNS = {name: re.compile(form) for name, form in _FORMS.items()}


def _commands(call: Call) -> Found:
    match = _PATTERNS[call.name].match(" ".join(call.args))
    if match is not None and not {"--dry-run", "--dryrun"} & call.flags:
        yield f"`{call.name} {' '.join(call.verbs[:2])}` cannot be undone", None


def _queries(call: Call) -> Found:
    for word in call.words[1:]:
        if _SQL.search(word.value) and not _is_bounded_update(word.value):
            yield "the query deletes data", word
    text = "" if call.stdin is None or call.stdin.text is None else call.stdin.text
    if _SQL.search(text) and not _is_bounded_update(text):
        yield "the query deletes data", None


def _is_bounded_update(text: str) -> bool:
    """An `UPDATE` with a `WHERE`, and nothing else that deletes."""
    return re.search(
        r"(?i)\b(?:drop|truncate|delete)\b|\.drop", text
    ) is None and not _WHERE.search(text)


def _scripts(call: Call) -> Found:
    text = " ".join(call.args)
    if re.search(
        r"\b(?:db:(?:drop|reset|wipe)|migrate:(?:fresh|reset)|flush --no-?input|"
        r"reset_db|migrate reset)\b",
        text,
    ):
        yield "deletes a database", None


RULES = (
    Rule("resource-destroy", _commands, frozenset(_FORMS)),
    Rule("resource-destroy", _queries, _CLIENTS),
    Rule(
        "resource-destroy",
        _scripts,
        names("php python python3 npx yarn pnpm bin/rails bundle make"),
    ),
)
