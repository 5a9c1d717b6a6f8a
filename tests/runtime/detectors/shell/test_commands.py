"""Commands, their words, flags and wrappers, and where they stand."""

from __future__ import annotations

import pytest
from tests.runtime.detectors.shell.reading import commands, kinds, reasons

from policyc.runtime.detectors.shell.detector import read_shell


def test_a_command_tells_its_words_flags_and_place() -> None:
    text = "cd src && A=1 /usr/bin/git -C x push --force origin"
    (_, git) = read_shell(text).commands
    assert git.name == "git"
    assert git.argv == ["/usr/bin/git", "-C", "x", "push", "--force", "origin"]
    assert git.flags == ["-C", "--force"]
    assert git.variables == ["A"]
    assert git.wrappers == []
    assert git.text == "A=1 /usr/bin/git -C x push --force origin"
    assert git.span == [10, len(text)]
    assert git.resolved


def test_clusters_of_flags_and_values_are_taken_apart() -> None:
    (tar, rm) = read_shell("curl -sXPOST -o out --data=x u; rm -rf --one-file-system x").commands
    assert tar.flags == ["-s", "-X", "-o", "--data"]
    assert rm.flags == ["-r", "-f", "--one-file-system"]


def test_what_is_not_known_stands_as_it_is_written() -> None:
    (command,) = read_shell('cp "$FROM/a" ${TO}').commands
    assert command.argv == ["cp", "$FROM/a", "${TO}"]
    assert not command.resolved


@pytest.mark.parametrize(
    ("text", "wrappers"),
    [
        ("sudo -u root env A=1 nice -n 5 rm x", ["sudo", "env", "nice"]),
        ("timeout -k 5 10 nohup rm x", ["timeout", "nohup"]),
        ("xargs -0 -n 1 rm x", ["xargs"]),
        ("strace -f -o log rm x", ["strace"]),
        ("flock /tmp/lock rm x", ["flock"]),
        ("command rm x", ["command"]),
        ("uv run --with y rm x", ["uv"]),
        ("ssh -p 22 host rm x", ["ssh"]),
        ("docker exec -it web rm x", ["docker"]),
        ("kubectl exec pod -c main -- rm x", ["kubectl"]),
        ("bash -c 'rm x'", ["bash"]),
        ("su -c 'bash -lc \"rm x\"'", ["su", "bash"]),
        ("eval rm x", ["eval"]),
        ("find . -exec rm x \\;", ["find"]),
        ("watch -n 1 rm x", ["watch"]),
        ("busybox rm x", ["busybox"]),
    ],
)
def test_wrappers_are_seen_through(text: str, wrappers: list[str]) -> None:
    found = [one for one in read_shell(text).commands if one.name == "rm"]
    assert [one.wrappers for one in found] == [wrappers]
    assert found[0].argv[:2] == ["rm", "x"]


@pytest.mark.parametrize(
    "text", ["command -v rm", "which rm", "type rm", "echo sudo rm", "man sudo"]
)
def test_words_that_are_no_command_run_nothing(text: str) -> None:
    assert "rm" not in {one.name for one in read_shell(text).commands}


@pytest.mark.parametrize(
    "text",
    [
        "if a; then rm x; elif b; then rm x; else rm x; fi",
        "for i in 1 2; do rm x; done",
        "while read l; do rm x; done",
        "case $y in a) rm x;; *) rm x;; esac",
        "f() { rm x; }",
        "( rm x )",
        "{ rm x; } > log",
        "! rm x",
        "true && rm x || rm x",
        "echo $(rm x) `rm x`",
        'echo "${y:-$(rm x)}"',
        "cat <(rm x) > >(rm x)",
        "cat <<E\n$(rm x)\nE",
        "[[ -n $(rm x) ]] && (( $(rm x) ))",
        "y=$(rm x) a=($(rm x))",
        "trap 'rm x' EXIT",
        "2>/dev/null rm x",
        "coproc rm x",
    ],
)
def test_every_place_where_a_command_may_stand(text: str) -> None:
    assert ["rm", "x"] in commands(text)
    assert reasons(text) == []


def test_pipes_have_their_commands() -> None:
    (pipe,) = read_shell("cat f | sort -u | (head; wc) 2>&1 | tee log").pipes
    assert [command.name for command in pipe.commands] == ["cat", "sort", "wc", "tee"]
    assert pipe.text == "cat f | sort -u | (head; wc) 2>&1 | tee log"


def test_redirections_have_their_targets() -> None:
    found = read_shell("sort < in > out 2>> log &> all <<< here").redirects
    assert [(one.operator, one.target) for one in found] == [
        ("<", "in"),
        (">", "out"),
        (">>", "log"),
        ("&>", "all"),
    ]


def test_redirections_at_the_end_belong_to_the_last_command() -> None:
    code = read_shell("a | b > f; c && d >> g; ! e > h")
    assert code.writes == ["f", "g", "h"]
    assert kinds("cat x | tee /dev/sda > log") == {"raw-disk"}


def test_files_and_hosts() -> None:
    code = read_shell(
        "cd /srv && cp a b/ && tar czf /tmp/x.tgz ~/docs && "
        "curl -o out -d @body https://u@H.example:8/x; "
        "scp k me@other.example:/d; sed -i s/a/b/ conf; cat < /home/joe/.netrc"
    )
    assert code.hosts == ["h.example", "other.example"]
    assert code.reads == ["/srv/a", "~/docs", "/srv/body", "/srv/k", "/srv/conf", "~/.netrc"]
    assert code.writes == ["/srv/b/a", "/tmp/x.tgz", "/srv/out", "/srv/conf"]


def test_a_nested_script_has_its_place_where_it_is_written_out() -> None:
    text = "sudo bash -c 'ls; rm -rf /'"
    (risk,) = [one for one in read_shell(text).risks if one.kind == "destructive-delete"]
    assert (risk.text, risk.span) == ("/", [25, 26])
    hidden = "echo cm0gLXJmIC8= | base64 -d | sh"
    (risk,) = [one for one in read_shell(hidden).risks if one.kind == "destructive-delete"]
    assert risk.text == hidden[risk.span[0] : risk.span[1]] == "sh"


def test_here_documents_go_to_their_command() -> None:
    assert ["rm", "x"] in commands("cat <<E 2>&1 | sh; ls\nrm x\nE\nls")
    assert ["rm", "x"] in commands("bash <<-'E'\n\trm x\n\tE")
    assert ["rm", "x"] not in commands("cat > f <<'E'\nrm x\nE")


def test_positions_count_characters() -> None:
    text = "echo 'äöü🎉' && rm -rf /"
    (risk,) = read_shell(text).risks
    assert risk.span == [text.index("/"), len(text)]


@pytest.mark.parametrize("text", ["curl $URL", "wget https://$HOST/x", "ssh $HOST ls", "scp f $H:"])
def test_a_host_of_which_nothing_is_known_is_told(text: str) -> None:
    assert read_shell(text).hosts == ["*"]


@pytest.mark.parametrize(
    "text",
    [
        "apply_patch '*** Update File: /w/a.py\n@@\n*** Move to: ~/.bashrc\n*** End Patch'",
        "cd /w/src; apply_patch <<E\n*** Add File: ../a.py\n+*** Add File: b\n"
        "*** Delete File: ~/.bashrc \nE",
    ],
)
def test_files_of_a_patch(text: str) -> None:
    code = read_shell(text)
    assert code.writes == ["/w/a.py", "~/.bashrc"]
    assert [risk.kind for risk in code.risks] == ["persistence"]
