"""What starts the functions: schedules, the stream of the orders, the API; and where runs go that failed.

Everything goes through the alias `live`. A schedule has two queues before its function: EventBridge's (it could not
hand the event over) and Lambda's own (the function failed); both end in ScheduleFailures.
"""

from __future__ import annotations

from typing import Any

from deploy.stage import API, LIVE, Stage

from .functions import Function, functions
from .tables import stream

SCHEDULE_FAILURES = "ScheduleFailures"
STREAM_FAILURES = "StreamFailures"
RETRY_FROM = 600
"""Seconds: a job that runs more often than this is its own retry."""
MOST_AGE = 6 * 3600
"""Seconds that Lambda keeps an event at most."""


def resources(stage: Stage) -> dict[str, Any]:
    found = _queues(stage)
    for function in functions():
        if function.schedule:
            found |= _schedule(stage, function)
        elif function.on_stream:
            found[f"{function.logical_id}Source"] = _stream(stage, function)
    return found | {"APIHandlerInvokePermission": _api_permission()}


def alias(function: Function) -> str:
    """Logical id of the alias; a Ref to it is its ARN."""
    return f"{function.logical_id}Live"


def alias_arn(stage: Stage, name: str) -> str:
    """For Fn::Sub, where a Ref would make a circle."""
    where = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}"
    return f"{where}:function:{stage.function(name)}:{LIVE}"


def integration(stage: Stage) -> dict[str, str]:
    """Where API Gateway sends each request."""
    path = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
    return {"Fn::Sub": f"{path}/{alias_arn(stage, API)}/invocations"}


def _schedule(stage: Stage, function: Function) -> dict[str, Any]:
    """A lost or failed run of a job that comes again at once needs no repetition; one that comes twice a day does."""
    name = function.logical_id
    age = min(max(function.period, 60), MOST_AGE)
    retries = 2 if function.period >= RETRY_FROM else 0
    target = {
        "Id": "live",
        "Arn": {"Ref": alias(function)},
        "RetryPolicy": {"MaximumEventAgeInSeconds": age, "MaximumRetryAttempts": 5},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": [SCHEDULE_FAILURES, "Arn"]}},
    }
    rule = {
        "Name": stage.function(function.name),
        "ScheduleExpression": function.schedule,
        "State": "ENABLED",
        "Targets": [target],
    }
    invoke = {
        "FunctionName": {"Ref": name},
        "Qualifier": LIVE,
        "MaximumRetryAttempts": retries,
        "MaximumEventAgeInSeconds": age,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": [SCHEDULE_FAILURES, "Arn"]}}},
    }
    permission = _permission(alias(function), "events.amazonaws.com", {"Fn::GetAtt": [f"{name}Schedule", "Arn"]})
    return {
        f"{name}Schedule": {"Type": "AWS::Events::Rule", "Properties": rule},
        f"{name}SchedulePermission": permission,
        f"{name}Invoke": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "DependsOn": [alias(function)],
            "Properties": invoke,
        },
    }


def _stream(stage: Stage, function: Function) -> dict[str, Any]:
    """Effects start at once; what fails thrice is left to the sweep `finish_effects`, which comes each minute, so that
    one bad order does not hold the others of its lane back. From the oldest record on: effects are repeatable, and a
    mapping made anew must miss nothing.
    """
    properties = {
        "FunctionName": {"Ref": alias(function)},
        "EventSourceArn": stream(stage),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 20,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 10,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 900,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": [STREAM_FAILURES, "Arn"]}}},
        "Enabled": True,
    }
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


def _api_permission() -> dict[str, Any]:
    source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}/*"
    return _permission(alias(Function(API)), "apigateway.amazonaws.com", {"Fn::Sub": source})


def _permission(function: str, principal: str, source: dict[str, Any]) -> dict[str, Any]:
    """Both principals have no suffix of their own in China."""
    properties = {
        "FunctionName": {"Ref": function},
        "Action": "lambda:InvokeFunction",
        "Principal": principal,
        "SourceArn": source,
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


def _queues(stage: Stage) -> dict[str, Any]:
    rules = f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{stage.stack}-*"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [SCHEDULE_FAILURES, "Arn"]},
        "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::Sub": rules}}},
    }
    return {
        SCHEDULE_FAILURES: _queue(f"{stage.stack}-schedule-failures"),
        STREAM_FAILURES: _queue(f"{stage.stack}-stream-failures"),
        f"{SCHEDULE_FAILURES}Policy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": SCHEDULE_FAILURES}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        },
    }


def _queue(name: str) -> dict[str, Any]:
    properties = {"QueueName": name, "MessageRetentionPeriod": 14 * 86400, "SqsManagedSseEnabled": True}
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": properties,
    }
