"""The service's own key, by which LMSs believe what it asks of them."""

import os
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from grading.course.config import LTI_KEY
from grading.errors import UserError
from grading.service.secret_files import kept

VARIABLE = "DL_LTI_KEY"
ALGORITHM = "RS256"
BITS = 3072


def key_of(home: Path) -> RSAKey:
    """Return the service's key: the environment's, else one that is made once and kept.

    Raises
    ------
    UserError
        If it is none.
    """
    path = home / LTI_KEY
    pem = os.environ.get(VARIABLE, "") or kept(path, _new)
    try:
        key = RSAKey.import_key(pem)
    except (JoseError, ValueError) as error:
        raise UserError(
            f"the key for LTI in {VARIABLE if VARIABLE in os.environ else path} cannot be used: "
            f"{error}; expected an RSA key in PEM, such as `openssl genrsa {BITS}` prints"
        ) from None
    if not key.is_private:
        raise UserError(f"the key for LTI in {VARIABLE} is a public one; expected the private one")
    return key


def public(key: RSAKey) -> dict[str, Any]:
    """Return a key as a member of a JSON Web Key Set."""
    about = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    return dict(key.as_dict(private=False)) | about


def _new() -> str:
    return RSAKey.generate_key(BITS).as_pem(private=True).decode()
