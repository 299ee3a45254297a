"""The name of the user who creates a container, for the record's ``owner``."""

from __future__ import annotations


def owner_name(uid: int) -> str:
    """The user's name, or the number where it has none; uid 0 is spared the look-up through NSS."""
    if uid == 0:
        return "root"
    import pwd  # loads NSS libraries; only an ordinary user's create pays for it

    try:
        return pwd.getpwuid(uid).pw_name or str(uid)
    except KeyError:
        return str(uid)
