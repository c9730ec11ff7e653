"""What the account says, gathered by reading only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificate

from chalicelib.storage.tables import tables as tables_of_the_shop
from deploy.cloud import Cloud
from deploy.doctor.account import Account
from deploy.doctor.edge import Certificate
from deploy.doctor.finding import Unknown, attempted
from deploy.doctor.stack import Stack, Table
from deploy.secret.store import SecretError, Store

PROBES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "apigateway": ("get_rest_apis", {"limit": 1}),
    "cloudformation": ("list_stacks", {}),
    "cloudwatch": ("describe_alarms", {"MaxRecords": 1}),
    "dynamodb": ("list_tables", {"Limit": 1}),
    "events": ("list_rules", {"Limit": 1}),
    "iam": ("list_roles", {"MaxItems": 1}),
    "lambda": ("list_functions", {"MaxItems": 1}),
    "logs": ("describe_log_groups", {"limit": 1}),
    "s3": ("list_buckets", {}),
    "secretsmanager": ("list_secrets", {"MaxResults": 1}),
    "sns": ("list_topics", {}),
    "sqs": ("list_queues", {"MaxResults": 1}),
    "wafv2": ("list_web_acls", {"Scope": "REGIONAL", "Limit": 1}),
}
"""One cheap look into each service of a deployment."""
TOPICS = ("AlarmTopic", "MorningTopic")


def account(cloud: Cloud) -> Account:
    python = sys.version_info[:2]
    number = attempted(lambda: cloud.account)
    if isinstance(number, Unknown):
        return Account(number, python=python)
    return Account(number, cloud.caller, _refused(cloud), *instances(cloud), python)


def instances(cloud: Cloud) -> tuple[int | Unknown, int]:
    """Functions that the account may run at once, and how many of these are reserved by nobody."""
    found = attempted(lambda: cloud.client("lambda").get_account_settings()["AccountLimit"])
    if isinstance(found, Unknown):
        return found, 0
    return found["ConcurrentExecutions"], found["UnreservedConcurrentExecutions"]


def _refused(cloud: Cloud) -> dict[str, str]:
    refused = {}
    for service, (call, arguments) in PROBES.items():
        try:
            getattr(cloud.client(service), call)(**arguments)
        except (BotoCoreError, ClientError) as error:
            refused[service] = type(error).__name__
    return refused


def secret(cloud: Cloud) -> Mapping[str, Any] | Unknown | None:
    def read() -> Mapping[str, Any] | None:
        held = Store(cloud.client("secretsmanager"), cloud.stage.secret).read()
        return held.values if held else None

    try:
        return attempted(read)
    except SecretError as error:
        return Unknown(str(error))


def stack(cloud: Cloud) -> Stack | Unknown | None:
    """None if there is no such stack, or one that never came to be."""
    found = attempted(lambda: _described(cloud))
    if found is None or isinstance(found, Unknown):
        return found
    return Stack(
        status=found["StackStatus"],
        drift=found.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED"),
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
        tables=attempted(lambda: _tables(cloud)),
        listeners=attempted(lambda: _listeners(cloud)),
    )


def _described(cloud: Cloud) -> dict[str, Any] | None:
    try:
        (found,) = cloud.client("cloudformation").describe_stacks(StackName=cloud.stage.stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else dict(found)


def _tables(cloud: Cloud) -> dict[str, Table | None]:
    names, there = sorted(tables_of_the_shop()), cloud.tables()
    prefix = cloud.stage.table_prefix
    return {name: _table(cloud, prefix + name) if prefix + name in there else None for name in names}


def _table(cloud: Cloud, name: str) -> Table:
    client = cloud.client("dynamodb")
    protected = client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled", False)
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    return Table(protected, recovery == "ENABLED")


def _listeners(cloud: Cloud) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for topic in TOPICS:
        resource = cloud.client("cloudformation").describe_stack_resource(
            StackName=cloud.stage.stack, LogicalResourceId=topic
        )
        arn = resource["StackResourceDetail"]["PhysicalResourceId"]
        heard = cloud.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        found[topic] = {each["Endpoint"]: each["SubscriptionArn"].startswith("arn:") for each in heard}
    return found


def certificate(cloud: Cloud) -> Certificate | Unknown:
    """Of ACM, or, where the region has none for API Gateway, a server certificate of IAM."""
    arn = cloud.stage.options.certificate
    return attempted(lambda: _of_iam(cloud, arn) if ":server-certificate/" in arn else _of_acm(cloud, arn))


def _of_acm(cloud: Cloud, arn: str) -> Certificate:
    found = cloud.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    names = found.get("SubjectAlternativeNames") or [found["DomainName"]]
    return Certificate(found["Status"], tuple(names), found.get("NotAfter"))


def _of_iam(cloud: Cloud, arn: str) -> Certificate:
    name = arn.rpartition("/")[2]
    found = cloud.client("iam").get_server_certificate(ServerCertificateName=name)["ServerCertificate"]
    read = load_pem_x509_certificate(found["CertificateBody"].encode())
    names = read.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
    return Certificate("ISSUED", tuple(names), read.not_valid_after_utc)
