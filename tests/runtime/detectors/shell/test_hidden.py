"""Commands behind quotes, variables, encodings and files, and what remains undecidable."""

from __future__ import annotations

import base64
import gzip

import pytest
from tests.runtime.detectors.shell.reading import commands, kinds, reasons

from policyc.runtime.detectors.shell.detector import read_shell

PACKED = base64.b64encode(gzip.compress(b"rm -rf /\n", mtime=0)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "r\\m -r''f \"/\"",
        "$'\\x72\\155' -rf /",
        "rm${IFS}-rf$IFS/",
        "{rm,-rf,/}",
        "rm -{r,f} /",
        "a=r b=m; $a$b -rf /",
        "a=(rm -rf); ${a[@]} /",
        "a='rm -rf /'; $a",
        "a=RM; ${a,,} -rf /",
        "a=xrmx; b=${a#x}; ${b%x} -rf /",
        "a=abrm; ${a:2:2} -rf /",
        "a=b b=rm; ${!a} -rf /",
        "${x:-rm} -rf /",
        "IFS=:; a=rm:-rf:/; $a",
        'f() { rm "$@"; }; f -rf /',
        "alias x='rm -rf'\nx /",
        "set -- rm -rf /; $1 $2 $3",
        "for c in ls rm; do $c -rf /; done",
        "if a; then c=rm; else c=ls; fi; $c -rf /",
        "printf -v c 'rm -rf %s' /; $c",
        "read c <<< 'rm -rf /'; $c",
        "mapfile -t c <<< 'rm -rf /'; ${c[0]}",
        "$(echo rm) -rf /",
        "eval \"$(printf '\\162m -rf /')\"",
        "echo '/ fr- mr' | rev | sh",
        "echo 'xm -rf /' | tr x r | bash",
        "echo 'xm -rf /' | sed s/x/r/ | bash",
        "echo cm0gLXJmIC8= | base64 -d | sh",
        "echo 726d202d7266202f | xxd -r -p | sh",
        'bash <<< "$(base64 -d <<< cm0gLXJmIC8=)"',
        f"echo {PACKED} | base64 -d | gunzip | sh",
        "echo 'rm -rf /' > a.sh; chmod +x a.sh; ./a.sh",
        "cat > a <<'E'\nrm -rf /\nE\n. a",
        "echo 'rm -rf /' | tee a; bash a",
        "cd /; rm -rf *",
        "echo / | xargs rm -rf",
        "find / | xargs rm -rf",
        "python3 -c 'import os as o; o.system(\"rm -rf /\")'",
        "python3.11 - <<'E'\nfrom subprocess import run\nrun(['rm', '-rf', '/'])\nE",
        "perl -e 'system(\"rm -rf /\")'",
        'node -e \'require("child_process").execSync("rm -rf /")\'',
        "awk 'BEGIN{system(\"rm -rf /\")}'",
        "git -c alias.x='!rm -rf /' x",
        "env -S 'rm -rf /'",
        "echo ${x:=`rm -rf /`}",
    ],
)
def test_the_command_is_found(text: str) -> None:
    assert "destructive-delete" in kinds(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$X -rf /", "the name of the command is not known"),
        ('eval "$X"', "the code that `eval` runs is not known"),
        ('bash -c "$X"', "the code that `bash` runs is not known"),
        ("cat commands | sh", "the code that `sh` runs is not known"),
        ("openssl enc -d -k k -in x | bash", "the code that `bash` runs is not known"),
        ('ssh host "$X"', "the code that `ssh` runs is not known"),
        ('python3 -c "$X"', "the code that `python3` runs is not known"),
        ("python3 -c 'exec(input())'", "the code for python runs code that is put together"),
        ("perl -e 'system($x)'", "the code for perl starts a command that is put together"),
        ('rm -rf "$X"', "the folder that is deleted is not known"),
        ("/b?n/x? y", "the name of the command is a pattern"),
        ("echo 'open", "the shell code cannot be parsed"),
        ("ls\0", "the text has a null character"),
    ],
)
def test_what_cannot_be_told_is_said_with_its_place(text: str, reason: str) -> None:
    assert reason in reasons(text)
    for gap in read_shell(text).undecidable:
        assert gap.text == text[gap.span[0] : gap.span[1]]


@pytest.mark.parametrize(
    "text",
    [
        'eval "$(ssh-agent -s)"',
        "source <(kubectl completion bash)",
        "bash scripts/build.sh",
        "./configure && make",
        '"$VENV/bin/python" x.py',
        'rm -rf "$BUILD/out"',
        'd=$(mktemp -d); rm -rf "$d"',
        "find . -name __pycache__ | xargs rm -rf",
    ],
)
def test_what_is_usual_is_decided(text: str) -> None:
    assert reasons(text) == []
    assert kinds(text) == set()


def test_a_pattern_as_a_name_is_tried_with_what_is_known() -> None:
    assert "destructive-delete" in kinds("/b?n/r? -rf /")


def test_an_empty_variable_in_a_name_is_left_out() -> None:
    assert "destructive-delete" in kinds("r${x}m -rf /")


def test_a_value_of_another_branch_is_a_value() -> None:
    assert ["rm", "x"] in commands("c=ls; [ a ] && c=rm; $c x") or ["rm", "x"] in commands(
        "c=ls; if a; then c=rm; fi; $c x"
    )


def test_an_empty_operand_is_no_folder_and_no_input_is_no_data() -> None:
    assert kinds('tmp=; trap \'rm -rf "$tmp"\' EXIT; rm -f "$tmp"') == set()
    assert kinds('x=; rm -rf "$x"/') == {"destructive-delete"}
    assert kinds("ssh -i key host exit < /dev/null > log") == set()


def test_a_function_is_read_anew_where_its_call_may_do_something_else() -> None:
    text = "f() { $1; }; f ls; f ls; c='rm -rf /'; f \"$c\"; g() { $c; }; g; c=ls; g; g"
    assert [one.name for one in read_shell(text).commands] == ["ls", "rm", "rm", "ls"]
    text = "f() { . ./a; }; echo ls > a; f; echo 'rm -rf /' > a; f"
    assert "destructive-delete" in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "cat <<E;rm -rf /\nx\nE",
        "cat <<'A' <<B | tr a b && rm -rf /\nx\nA\ny\nB\n",
        "cat <<A <<'B'\nx\nA\ny\nB\nrm -rf /",
        "echo $((1<<2)); rm -rf /",
        'echo "$(cat <<E\nit\'s "x\nE\n)"; rm -rf /',
        "# don't <<E\nrm -rf /\nE",
        "echo '<<E'\nrm -rf /\nE",
        "cat <<\\E\n$(x\nE\nrm -rf /",
        "cat <<E 2>/dev/null <<< x\n'\nE\nrm -rf /",
    ],
)
def test_nothing_hides_behind_a_here_document(text: str) -> None:
    code = read_shell(text)
    assert "destructive-delete" in {risk.kind for risk in code.risks} or code.undecidable


@pytest.mark.parametrize(
    "text",
    [
        "! ! rm -rf /",
        "rm -rf /e*",
        "c=rm sh -c '$c -rf /'",
        "bash -c '$0 -rf /' rm",
        "perl -MFile::Path -e 'rmtree(\"/\")'",
        "node -e \"fs.rmSync('/',{recursive:true})\"",
        "sudo -s <<< 'rm -rf /'",
        "x=`echo \\`echo rm\\``; $x -rf /",
        "cd /tmp/../..; rm -rf etc",
        'while IFS= read -r l; do rm -rf "$l"; done <<< "/"',
    ],
)
def test_more_ways_to_the_same(text: str) -> None:
    assert "destructive-delete" in kinds(text)
