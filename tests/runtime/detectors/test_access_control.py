"""Role-based access control."""

from __future__ import annotations

from typing import Any

import pytest

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors.access_control import should_allow_rbac

ROLES = {"alice": ["user"], "bob": ["admin", "user"], "eve": [], "mallory": ["ghost", 1]}
GRANTS = {"admin": {"public": True, "internal": True}, "user": {"public": True, "internal": False}}


@pytest.mark.parametrize(
    ("user", "scope", "expected"),
    [
        ("alice", "public", True),
        ("alice", "internal", False),
        ("bob", "internal", True),
        ("bob", "other", False),
        ("eve", "public", False),
        ("mallory", "public", False),
        ("nobody", "public", False),
        (None, "public", False),
        ("alice", None, False),
    ],
)
def test_a_role_must_grant_the_scope(user: Any, scope: Any, expected: bool) -> None:
    assert should_allow_rbac({"any": "data"}, scope, user, ROLES, GRANTS) is expected


@pytest.mark.parametrize(
    ("roles", "grants", "message"),
    [
        (["alice"], GRANTS, "`user_roles` takes an object, not a list"),
        ({"alice": "user"}, GRANTS, "are a list, not a text"),
        (ROLES, None, "`role_grants` takes an object, not nothing"),
        (ROLES, {"user": ["public"]}, "`role_grants` takes an object, not a list"),
    ],
)
def test_tables_of_another_form_are_errors(roles: Any, grants: Any, message: str) -> None:
    with pytest.raises(BuiltinError, match=message):
        should_allow_rbac(None, "public", "alice", roles, grants)
