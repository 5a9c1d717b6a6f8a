"""Role-based access control over tables that the policy holds."""

from __future__ import annotations

from typing import Any

from policyc.runtime.bounds import BuiltinError, kind_of


def should_allow_rbac(data: Any, scope: Any, user: Any, user_roles: Any, role_grants: Any) -> bool:
    """Whether some role of `user` has a true grant for `scope`; unknown users and roles have none.

    `data` is what is to be accessed; the answer does not depend on it.

    Raises:
        BuiltinError: `user_roles` or `role_grants` is not a table of the expected form.
    """
    roles = _table(user_roles, "user_roles").get(user) if isinstance(user, str) else None
    grants = _table(role_grants, "role_grants")
    if roles is None or not isinstance(scope, str):
        return False
    if not isinstance(roles, list | tuple):
        raise BuiltinError(
            f"the roles of a user in `user_roles` are a list, not {kind_of(roles)}",
            'Write for example `{"alice": ["admin"]}`.',
        )
    return any(
        bool(_table(grants.get(role) or {}, "role_grants").get(scope))
        for role in roles
        if isinstance(role, str)
    )


def _table(value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    example = '{"admin": {"scope": True}}' if name == "role_grants" else '{"alice": ["admin"]}'
    raise BuiltinError(
        f"`{name}` takes an object, not {kind_of(value)}", f"Write for example `{example}`."
    )
