"""How the service is registered in an LMS: its addresses, and the JSON that Canvas reads."""

from typing import Any

from grading.service.lti.launching import MESSAGE

LOGIN, LAUNCH, KEYS, CANVAS = "/lti/login", "/lti/launch", "/lti/keys", "/lti/canvas.json"
LINE_ITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"


def addresses(address: str) -> dict[str, str]:
    """Return what Moodle's form for an external tool asks for, as it is called there."""
    return {
        "Tool URL": f"{address}{LAUNCH}",
        "LTI version": "LTI 1.3",
        "Public key type": "Keyset URL",
        "Public keyset": f"{address}{KEYS}",
        "Initiate login URL": f"{address}{LOGIN}",
        "Redirection URI(s)": f"{address}{LAUNCH}",
        "Default launch container": "New window",
        "IMS LTI Assignment and Grade Services": "Use this service for grade sync and column "
        "management",
        "IMS LTI Names and Role Provisioning": "Use this service to retrieve members' information",
        "Share launcher's name, email; accept grades": "Always",
    }


def canvas(address: str, title: str) -> dict[str, Any]:
    """Return what Canvas reads as the configuration of an LTI 1.3 developer key."""
    return {
        "title": title,
        "description": title,
        "target_link_uri": f"{address}{LAUNCH}",
        "oidc_initiation_url": f"{address}{LOGIN}",
        "public_jwk_url": f"{address}{KEYS}",
        "scopes": [LINE_ITEM, SCORE, MEMBERS],
        "custom_fields": {},
        "extensions": [
            {
                "platform": "canvas.instructure.com",
                "privacy_level": "public",
                "settings": {
                    "placements": [
                        {
                            "placement": "course_navigation",
                            "message_type": MESSAGE,
                            "target_link_uri": f"{address}{LAUNCH}",
                            "text": title,
                            "windowTarget": "_blank",
                        }
                    ]
                },
            }
        ],
    }
