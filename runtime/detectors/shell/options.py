"""The options of a command apart from its operands.

A table says which options of which commands take a value; without it a value is an operand. Flags
are given apart: `-rf` is `-r` and `-f`, `--file=x` is `--file`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.detectors.shell.values import Word


@dataclass(slots=True)
class Options:
    """`values` are those of options, by the option's name, in their order."""

    flags: dict[str, None] = field(default_factory=dict)
    values: dict[str, list[Word]] = field(default_factory=dict)
    operands: list[Word] = field(default_factory=list)

    def value(self, *names: str) -> Word | None:
        """The first value of one of some options."""
        return next(iter(self.all(*names)), None)

    def all(self, *names: str) -> list[Word]:
        """All values of some options."""
        return [word for name in names for word in self.values.get(name, ())]


def _table(text: str) -> dict[str, frozenset[str]]:
    rows = (line.split() for line in text.strip().splitlines())
    return {name: frozenset(options) for names, *options in rows for name in names.split(",")}


WITH_VALUE = _table("""
curl -d -o -X -H -F -T -u -A -e -b -c -x -m -w -K -E -r -t -C -D -P -Q -U -Y -y -z --data --data-raw --data-binary --data-ascii --data-urlencode --json --output --request --header --form --form-string --upload-file --user --user-agent --referer --cookie --cookie-jar --proxy --max-time --write-out --config --cert --key --cacert --connect-timeout --retry --retry-delay --resolve --unix-socket --url --url-query --output-dir --limit-rate --interface --dns-servers --connect-to
wget -O -o -a -P -i -e -U -t -T -w -Q -l -A -R -D -I -X --output-document --output-file --directory-prefix --input-file --execute --user-agent --header --post-data --post-file --body-data --body-file --method --timeout --tries --user --password
http,https,xh --auth -a --session --output -o --proxy --verify
scp -i -P -F -o -l -J -S -c
sftp -i -P -F -o -b -J
ssh -i -p -l -o -F -L -R -D -J -b -c -e -E -I -m -O -Q -S -W -w
rsync -e --rsh --exclude --include --files-from --port --password-file --log-file --bwlimit -f --filter --rsync-path --out-format --temp-dir --partial-dir --link-dest --compare-dest
nc,ncat,netcat,nc.openbsd,nc.traditional -e -c -p -s -w -i -q -x -X --exec --sh-exec --source-port --wait --lua-exec -I -O -T -V -G -g -o
tar -f -C -T -X -I --file --directory --files-from --exclude --use-compress-program --to-command --checkpoint-action --transform --xform --strip-components
chmod,chown,chgrp --reference --from
cp,mv,install,ln -t -S --target-directory --suffix -m -o -g --mode --owner --group
grep,egrep,fgrep,rg,ag,ack -e -f -A -B -C -m -g -t -T --regexp --file --include --exclude --exclude-dir --max-count --glob --type --context
sed -e -f -l --expression --file
awk,gawk,mawk,nawk -F -v -f --field-separator --assign --file -e --source -i --include
head,tail -n -c --lines --bytes -s
cut -d -f -c -b
sort -k -t -o -T -S
useradd,adduser,usermod -G -g -s -d -u -p -c -e -f -k --groups --gid --shell --home --uid --password --comment
git -C -c -m --git-dir --work-tree --author --date --message --file --tree-filter --index-filter --env-filter --msg-filter --branch --depth --since --until --grep --format --pretty --exec
docker,podman,nerdctl -v -e -p -w -u -l -h -m --volume --env --publish --workdir --user --name --network --net --mount --entrypoint --pid --ipc --uts --userns --cap-add --cap-drop --device --security-opt --label --hostname --env-file --platform --restart --memory --cpus --add-host --file --tag --build-arg --filter --format --gpus --shm-size --log-opt --log-driver --ulimit --volumes-from --context --host -H --cgroupns --target --tmpfs --pull --link --dns --expose --ip --mac-address --runtime --stop-signal --cgroup-parent
kubectl,oc -n -f -c -l -o --namespace --filename --container --selector --output --context --kubeconfig --image --overrides --as --token --server --field-selector -p --patch --type --grace-period --timeout --replicas
psql,mysql,mariadb,pg_dump,mysqldump -c -d -U -h -p -f -e -u -D -P -v --command --dbname --username --host --port --file --execute --user --database
sqlite3,sqlite -cmd -init
redis-cli -h -p -a -n -u --pass --user
mongosh,mongo --eval --host --port -u -p
aws,gcloud,az --profile --region --endpoint-url --output --query --project --zone --account --instance-id --secret-id --name --with-decryption-for
crontab -u
systemctl -H -M -t -p -s --type --property --signal --root --state
journalctl -u -n -p -S -U -o -t --unit --since --until --lines --output --vacuum-time --vacuum-size --vacuum-files --identifier
iptables,ip6tables -t -A -D -I -P -s -d -p -j -i -o --dport --sport
kill,pkill,killall -s -n -u -t --signal -P -g --user
shred -n -s --iterations --size
truncate -s -r --size --reference
fallocate -l -o --length --offset
nmap -p -o -oN -oX -oG -iL -e -D
socat -d -L
openssl -in -out -k -K -iv -pass -connect -keyout -subj -days -newkey -config -CAfile
gpg,gpg2 -o -r -u --output --recipient --homedir --passphrase --keyserver
python,python2,python3,pypy,pypy3 -c -m -W -X
pip,pip3,pipx -r -c -i -t --requirement --constraint --index-url --extra-index-url --target --prefix --root --find-links -f -e --editable
apt,apt-get,aptitude -t -o -c --target-release --option
npm,yarn,pnpm -w -C --prefix --registry --workspace --dir --cwd --filter
make -C -f -j -I -o -W --directory --file
tee -p --output-error
dig -x -p -t -c -b -k -f
ping -c -i -w -W -s -I
mount -t -o -L -U --types --options --label
umount -t -O
date,touch -d -r -t --date --reference -s --set
xxd -c -g -l -s -o
base64,base32 -w --wrap -i -o
zip,unzip,7z -d -x -P
stat,du,ls,tree -c -f --format --max-depth -d -I -L --printf
at -f -t -q
setfacl,getfacl -m -x -M -X
chattr -p -v
split -b -l -n -a
rclone --config --transfers
ssh-keygen -f -t -b -N -C -P
jq -f --arg --from-file
script -c -T -I -O -B -m --command
su -c -s -g -G -w --command --shell --group
node,nodejs,deno,bun -e -p -r --eval --print --require
perl -e -E -I -M -m -F
ruby -e -r -I -C
php -r -f -d -B -R -E -F -S -t
lua -e -l
""")  # noqa: E501  # a table
"""Options that take a value, by command."""

WHOLE = names("find openssl java javac terraform tofu ffmpeg gcc g++ clang ld sqlite3 dd")
"""Commands whose long options have one dash."""

LONG = {
    "rm": ("--recursive", "--force", "--no-preserve-root", "--interactive", "--verbose", "--dir"),
    "chmod": ("--recursive", "--changes", "--silent", "--quiet", "--verbose", "--reference"),
    "chown": ("--recursive", "--dereference", "--no-dereference", "--from", "--reference"),
    "shred": ("--remove", "--force", "--zero", "--iterations", "--size", "--exact"),
}
"""Long options that GNU tools take shortened, as `--recurs`."""

_NONE: frozenset[str] = frozenset()


def read_options(name: str, words: Sequence[Word]) -> Options:
    """The options and operands among the words after a command's name."""
    with_value = WITH_VALUE.get(name, _NONE)
    flags: dict[str, None] = {}
    values: dict[str, list[Word]] = {}
    operands: list[Word] = []
    at = 0
    while at < len(words):
        word = words[at]
        text = word.value
        at += 1
        if len(text) < 2 or text[0] != "-":
            operands.append(word)
            continue
        if text == "--":
            operands.extend(words[at:])
            break
        takes_next = _read_one(name, word, with_value, flags, values)
        if takes_next and at < len(words):
            values.setdefault(takes_next, []).append(words[at])
            at += 1
    return Options(flags, values, operands)


def _read_one(
    name: str,
    word: Word,
    with_value: frozenset[str],
    flags: dict[str, None],
    values: dict[str, list[Word]],
) -> str:
    """Note an option; the answer is its name if the next word is its value, else empty."""
    text = word.value
    if text.startswith("--") or name in WHOLE or text in with_value:
        option, equals, value = text.partition("=")
        option = _full(name, option)
        flags[option] = None
        if equals:
            values.setdefault(option, []).append(word.with_value(value))
            return ""
        return option if option in with_value else ""
    for position in range(1, len(text)):
        option = "-" + text[position]
        flags[option] = None
        if option in with_value:
            if position + 1 == len(text):
                return option
            values.setdefault(option, []).append(word.with_value(text[position + 1 :]))
            return ""
    return ""


def _full(name: str, option: str) -> str:
    if name in LONG and len(option) > 3:
        return next((long for long in LONG[name] if long.startswith(option)), option)
    return option
