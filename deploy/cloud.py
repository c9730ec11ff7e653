"""One account and region, as a stage's commands see it: who calls, the clients, and the bucket of its deployments.

Every client honours AWS_ENDPOINT_URL, so that all of this can be rehearsed against a local emulator.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.stage import Stage

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"}
NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError"}
MISSING = {"404", "NoSuchBucket", "NoSuchKey", "NotFound"}


class CloudError(Exception):
    """Says what the account answered or lacks, and what to do next."""


class Cloud:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._session = boto3.Session(region_name=stage.region)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A botocore client, made once. It tries again by itself when throttled or cut off."""
        if service not in self._clients:
            # A check of a release answers within the function's time-out, which is longer than botocore's minute.
            config = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=150)
            self._clients[service] = self._session.client(service, config=config)
        return self._clients[service]

    @cached_property
    def _identity(self) -> dict[str, str]:
        try:
            return dict(self.client("sts").get_caller_identity())
        except (BotoCoreError, ClientError) as error:
            raise CloudError(told(error)) from error

    @property
    def account(self) -> str:
        """12 digits. Raises CloudError without valid credentials."""
        return self._identity["Account"]

    @property
    def caller(self) -> str:
        """ARN of who calls."""
        return self._identity["Arn"]

    def demand_account(self) -> None:
        """Raises CloudError if this is not the account that the stage names."""
        wanted = self.stage.options.account
        if wanted and wanted != self.account:
            raise CloudError(
                f"These credentials belong to account {self.account}, and stage {self.stage.name!r} is of {wanted}. "
                "Use the other credentials (AWS_PROFILE=…) or correct deploy.account in .chalice/config.json."
            )

    @property
    def bucket(self) -> str:
        """Holds bundles, templates and releases of all stages in this account and region."""
        return f"jishi-{self.account}-{self.stage.region}"

    def make_bucket(self) -> None:
        """Private, encrypted, versioned; what exists is only brought to that."""
        s3 = self.client("s3")
        if not self._has_bucket():
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.stage.region}}
            s3.create_bucket(Bucket=self.bucket, **({} if self.stage.region == "us-east-1" else place))
        switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(switches, True))
        s3.put_bucket_encryption(
            Bucket=self.bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def _has_bucket(self) -> bool:
        try:
            self.client("s3").head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) in MISSING:
                return False
            raise CloudError(
                f"Bucket {self.bucket} cannot be used ({_code(error)}): allow s3:ListBucket on it to {self.caller}, "
                "or, if another account owns that name, tell us: it is made of account and region."
            ) from error
        return True

    def has(self, key: str) -> bool:
        try:
            self.client("s3").head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _code(error) in MISSING:
                return False
            raise
        return True

    def upload(self, path: Path, key: str) -> None:
        """In parts if it is large. Keys are named after what they hold, so one that is there stays."""
        if not self.has(key):
            self.client("s3").upload_file(str(path), self.bucket, key)

    def put(self, key: str, value: Any) -> str:
        """Keep a value as JSON; returns its URL as CloudFormation reads it.

        In ASCII: CloudFormation would give back a question mark for everything else.
        """
        body = json.dumps(value, indent=1, sort_keys=True).encode()
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")
        return f"{self.client('s3').meta.endpoint_url}/{self.bucket}/{key}"

    def get(self, key: str) -> Any:
        """What `put` kept, or None."""
        try:
            return json.load(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"])
        except ClientError as error:
            if _code(error) in MISSING:
                return None
            raise

    def keys(self, prefix: str) -> list[str]:
        """None before the first deployment."""
        if not self._has_bucket():
            return []
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def forget(self, key: str) -> None:
        self.client("s3").delete_object(Bucket=self.bucket, Key=key)

    def tables(self) -> set[str]:
        """Names of all tables of the region."""
        pages = self.client("dynamodb").get_paginator("list_tables").paginate()
        return {name for page in pages for name in page["TableNames"]}

    def logs(self) -> set[str]:
        """Names of the log groups of the stage's functions and of its API."""
        client = self.client("logs")
        return {
            found["logGroupName"]
            for prefix in (f"/aws/lambda/{self.stage.stack}-", f"/jishi/{self.stage.name}/")
            for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
            for found in page["logGroups"]
        }


def told(error: Exception) -> str:
    """What an answer of AWS, or its absence, means to whoever called, and what to do next."""
    name = type(error).__name__
    if name in NO_CREDENTIALS:
        return f"There are no usable AWS credentials ({error}). Run `aws configure`, or set AWS_PROFILE."
    if name == "ParamValidationError":
        return f"{error}. The account was not asked; look at what the stage says."
    if not isinstance(error, ClientError):
        return f"AWS could not be asked: {error}. Nothing more was done; look at the network and run it again."
    code = _code(error)
    if code in EXPIRED:
        return "The AWS credentials have expired. Log in again (`aws sso login`, or new keys) and run it again."
    if code in UNKNOWN:
        return (
            f"AWS does not know these credentials ({code}). China regions (cn-…) have accounts of their own: "
            "look at AWS_PROFILE and the region."
        )
    return f"AWS refused {error.operation_name}: {error.response['Error'].get('Message') or code} ({code})."


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
