"""Where DynamoDB is, as botocore would find it."""

import re
from urllib.parse import urlsplit

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.session import Session
from botocore.utils import get_environ_proxies

SUFFIXES = {r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+": "amazonaws.com", r"cn-[a-z]+-\d+": "amazonaws.com.cn"}
"""By form of a region. botocore/data/partitions.json; https://docs.aws.amazon.com/general/latest/gr/ddb.html"""


def address_of(session: Session, region: str, endpoint: str | None) -> str | None:
    """The address: `endpoint`, or what the environment or the configuration of AWS says, or the region's own.

    None where only botocore's own client knows the way: through a proxy, to FIPS, dual-stack and account endpoints, to
    other partitions.
    """
    address = endpoint or _configured(session) or _of_region(region)
    special = any(session.get_config_variable(name) for name in ("use_fips_endpoint", "use_dualstack_endpoint"))
    by_account = session.get_config_variable("account_id_endpoint_mode") == "required"
    if special or by_account or address is None:
        return None
    return None if urlsplit(address).scheme in get_environ_proxies(address) else address


def _configured(session: Session) -> str | None:
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "dynamodb")
    told: str | None = provider.provide()
    return told


def _of_region(region: str) -> str | None:
    suffixes = (suffix for form, suffix in SUFFIXES.items() if re.fullmatch(form, region))
    return next((f"https://dynamodb.{region}.{suffix}" for suffix in suffixes), None)
