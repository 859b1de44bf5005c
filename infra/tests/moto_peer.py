#!/usr/bin/env python3
"""Makes the resources of a Pulumi program at moto, a stand-in for AWS, so that a service judges their arguments.

A line of standard input is {"type", "name", "inputs"} as Pulumi registers a resource, and its answer {"id", "state"}; or
{"client", "call", "arguments"}, a call of boto3, and its answer {"result"}. What the service refuses is {"error"}.
Ends with status 77 where moto is missing. The services live in this process: nothing listens, nothing stays.
"""

import io
import json
import os
import sys
import zipfile

try:
    import boto3
    from moto import mock_aws
except ImportError as missing:
    print(f"python3 has no {missing.name}", file=sys.stderr)
    sys.exit(77)

REGION = "us-east-1"


def client(service):
    return boto3.client(service, region_name=REGION)


def capitalised(value):
    """Pulumi's names as AWS's: what differs in more than the first letter has a maker of its own."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: capitalised(part) for key, part in value.items()}
    if isinstance(value, list):
        return [capitalised(part) for part in value]
    return value


def bucket(inputs):
    client("s3").create_bucket(Bucket=inputs["bucket"])
    return inputs["bucket"], {"arn": f"arn:aws:s3:::{inputs['bucket']}"}


def of_bucket(call, **arguments):
    def make(inputs):
        given = {key: value(inputs) for key, value in arguments.items()}
        getattr(client("s3"), call)(Bucket=inputs["bucket"], **given)
        return inputs["bucket"], {}
    return make


def lifecycle_rule(rule):
    made = {"ID": rule["id"], "Status": rule["status"], "Filter": {"Prefix": rule["filter"]["prefix"]}}
    for name in ("expiration", "noncurrentVersionExpiration", "abortIncompleteMultipartUpload"):
        if name in rule:
            made[name[0].upper() + name[1:]] = capitalised(rule[name])
    return made


QUEUE_ATTRIBUTES = {
    "visibilityTimeoutSeconds": "VisibilityTimeout", "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds", "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}


def text(value):
    return json.dumps(value) if isinstance(value, bool) else str(int(value) if isinstance(value, float) else value)


def queue(inputs):
    attributes = {QUEUE_ATTRIBUTES[key]: text(value) for key, value in inputs.items() if key in QUEUE_ATTRIBUTES}
    url = client("sqs").create_queue(QueueName=inputs["name"], Attributes=attributes)["QueueUrl"]
    answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, {"url": url, "arn": answer["Attributes"]["QueueArn"]}


def of_queue(attribute, field):
    def make(inputs):
        client("sqs").set_queue_attributes(QueueUrl=inputs["queueUrl"], Attributes={attribute: inputs[field]})
        return inputs["queueUrl"], {}
    return make


def key_schema(pairs):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs]


def table(inputs):
    indexes = [{
        "IndexName": index["name"], "Projection": {"ProjectionType": index["projectionType"]},
        "KeySchema": key_schema((key["attributeName"], key["keyType"]) for key in index["keySchemas"]),
    } for index in inputs["globalSecondaryIndexes"]]
    dynamodb = client("dynamodb")
    made = dynamodb.create_table(
        TableName=inputs["name"], BillingMode=inputs["billingMode"],
        KeySchema=key_schema([(inputs["hashKey"], "HASH"), (inputs["rangeKey"], "RANGE")]),
        AttributeDefinitions=[{"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs["attributes"]],
        GlobalSecondaryIndexes=indexes, DeletionProtectionEnabled=inputs["deletionProtectionEnabled"])
    dynamodb.update_time_to_live(TableName=inputs["name"], TimeToLiveSpecification={
        "Enabled": inputs["ttl"]["enabled"], "AttributeName": inputs["ttl"]["attributeName"]})
    dynamodb.update_continuous_backups(TableName=inputs["name"], PointInTimeRecoverySpecification={
        "PointInTimeRecoveryEnabled": inputs["pointInTimeRecovery"]["enabled"]})
    return inputs["name"], {"arn": made["TableDescription"]["TableArn"]}


def repository(inputs):
    made = client("ecr").create_repository(
        repositoryName=inputs["name"], imageTagMutability=inputs["imageTagMutability"],
        imageScanningConfiguration=inputs["imageScanningConfiguration"],
        encryptionConfiguration=inputs["encryptionConfigurations"][0])["repository"]
    return inputs["name"], {"repositoryUrl": made["repositoryUri"], "arn": made["repositoryArn"]}


def ecr_lifecycle(inputs):
    client("ecr").put_lifecycle_policy(repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"])
    return inputs["repository"], {}


def ecr_policy(inputs):
    client("ecr").set_repository_policy(repositoryName=inputs["repository"], policyText=inputs["policy"])
    return inputs["repository"], {}


def role(inputs, name):
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=inputs["assumeRolePolicy"])["Role"]
    return name, {"arn": made["Arn"]}


def role_policy(inputs, name):
    client("iam").put_role_policy(RoleName=inputs["role"], PolicyName=name, PolicyDocument=inputs["policy"])
    return name, {}


def kms_key(inputs):
    made = client("kms").create_key(Description=inputs["description"])["KeyMetadata"]
    client("kms").enable_key_rotation(KeyId=made["KeyId"])
    return made["KeyId"], {"arn": made["Arn"]}


def zip_of_bootstrap():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\n")
    return packed.getvalue()


def function(inputs):
    arguments = {
        "FunctionName": inputs["name"], "Description": inputs["description"], "Role": inputs["role"],
        "PackageType": inputs["packageType"], "Architectures": inputs["architectures"],
        "MemorySize": int(inputs["memorySize"]), "Timeout": int(inputs["timeout"]),
        "EphemeralStorage": {"Size": int(inputs["ephemeralStorage"]["size"])},
        "Environment": {"Variables": inputs["environment"]["variables"]},
        "LoggingConfig": capitalised(inputs["loggingConfig"]), "TracingConfig": capitalised(inputs["tracingConfig"]),
    }
    if inputs["packageType"] == "Image":
        arguments["Code"] = {"ImageUri": inputs["imageUri"]}
    else:
        arguments.update(Code={"ZipFile": zip_of_bootstrap()}, Runtime=inputs["runtime"], Handler=inputs["handler"])
    if "kmsKeyArn" in inputs:
        arguments["KMSKeyArn"] = inputs["kmsKeyArn"]
    made = client("lambda").create_function(**arguments)
    if "reservedConcurrentExecutions" in inputs:
        client("lambda").put_function_concurrency(
            FunctionName=inputs["name"], ReservedConcurrentExecutions=int(inputs["reservedConcurrentExecutions"]))
    return inputs["name"], {"arn": made["FunctionArn"]}


def event_source_mapping(inputs):
    made = client("lambda").create_event_source_mapping(
        EventSourceArn=inputs["eventSourceArn"], FunctionName=inputs["functionName"], BatchSize=int(inputs["batchSize"]),
        FunctionResponseTypes=inputs["functionResponseTypes"], ScalingConfig={
            "MaximumConcurrency": int(inputs["scalingConfig"]["maximumConcurrency"])})
    return made["UUID"], {}


def state_machine(inputs):
    made = client("stepfunctions").create_state_machine(
        name=inputs["name"], type=inputs["type"], roleArn=inputs["roleArn"], definition=inputs["definition"],
        tracingConfiguration=inputs["tracingConfiguration"], loggingConfiguration={
            "level": inputs["loggingConfiguration"]["level"],
            "includeExecutionData": inputs["loggingConfiguration"]["includeExecutionData"],
            "destinations": [{"cloudWatchLogsLogGroup": {
                "logGroupArn": inputs["loggingConfiguration"]["logDestination"]}}]})
    return made["stateMachineArn"], {"arn": made["stateMachineArn"]}


def log_group(inputs):
    logs = client("logs")
    logs.create_log_group(logGroupName=inputs["name"])
    logs.put_retention_policy(logGroupName=inputs["name"], retentionInDays=int(inputs["retentionInDays"]))
    [group] = logs.describe_log_groups(logGroupNamePrefix=inputs["name"], limit=1)["logGroups"]
    return inputs["name"], {"arn": group["arn"].removesuffix(":*")}


def metric_alarm(inputs):
    client("cloudwatch").put_metric_alarm(
        AlarmName=inputs["name"], AlarmDescription=inputs["alarmDescription"], Namespace=inputs["namespace"],
        MetricName=inputs["metricName"], Statistic=inputs["statistic"], Period=int(inputs["period"]),
        EvaluationPeriods=int(inputs["evaluationPeriods"]), Threshold=float(inputs["threshold"]),
        ComparisonOperator=inputs["comparisonOperator"], TreatMissingData=inputs["treatMissingData"],
        AlarmActions=inputs["alarmActions"], OKActions=inputs["okActions"],
        Dimensions=[{"Name": key, "Value": value} for key, value in inputs["dimensions"].items()])
    return inputs["name"], {"arn": f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:{inputs['name']}"}


def dashboard(inputs):
    client("cloudwatch").put_dashboard(DashboardName=inputs["dashboardName"], DashboardBody=inputs["dashboardBody"])
    return inputs["dashboardName"], {}


def topic(inputs):
    arn = client("sns").create_topic(Name=inputs["name"])["TopicArn"]
    return arn, {"arn": arn}


def subscription(inputs):
    made = client("sns").subscribe(TopicArn=inputs["topic"], Protocol=inputs["protocol"], Endpoint=inputs["endpoint"])
    return made["SubscriptionArn"], {}


def schedule(inputs):
    made = client("scheduler").create_schedule(
        Name=inputs["name"], ScheduleExpression=inputs["scheduleExpression"],
        FlexibleTimeWindow=capitalised(inputs["flexibleTimeWindow"]), Target=capitalised(inputs["target"]))
    return made["ScheduleArn"], {}


MAKERS = {
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketVersioning:BucketVersioning": of_bucket(
        "put_bucket_versioning", VersioningConfiguration=lambda inputs: capitalised(inputs["versioningConfiguration"])),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": of_bucket(
        "put_public_access_block", PublicAccessBlockConfiguration=lambda inputs: capitalised(
            {key: value for key, value in inputs.items() if key != "bucket"})),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": of_bucket(
        "put_bucket_ownership_controls", OwnershipControls=lambda inputs: {"Rules": [capitalised(inputs["rule"])]}),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": of_bucket(
        "put_bucket_encryption", ServerSideEncryptionConfiguration=lambda inputs: {"Rules": [
            {"ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"]}} for rule in inputs["rules"]]}),
    "aws:s3/bucketPolicy:BucketPolicy": of_bucket("put_bucket_policy", Policy=lambda inputs: inputs["policy"]),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": of_bucket(
        "put_bucket_lifecycle_configuration",
        LifecycleConfiguration=lambda inputs: {"Rules": [lifecycle_rule(rule) for rule in inputs["rules"]]}),
    "aws:sqs/queue:Queue": queue,
    "aws:sqs/queuePolicy:QueuePolicy": of_queue("Policy", "policy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": of_queue("RedriveAllowPolicy", "redriveAllowPolicy"),
    "aws:dynamodb/table:Table": table,
    "aws:ecr/repository:Repository": repository,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ecr_lifecycle,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ecr_policy,
    "aws:kms/key:Key": kms_key,
    "aws:lambda/function:Function": function,
    "aws:lambda/eventSourceMapping:EventSourceMapping": event_source_mapping,
    "aws:sfn/stateMachine:StateMachine": state_machine,
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": metric_alarm,
    "aws:cloudwatch/dashboard:Dashboard": dashboard,
    "aws:sns/topic:Topic": topic,
    "aws:sns/topicSubscription:TopicSubscription": subscription,
    "aws:scheduler/schedule:Schedule": schedule,
}
# Named by Pulumi, not by an argument.
NAMED = {"aws:iam/role:Role": role, "aws:iam/rolePolicy:RolePolicy": role_policy}


def opened(value):
    """Inputs without the wrapping of secrets."""
    if isinstance(value, dict):
        if value.get("4dabf18193072939515e22adb298388d") == "1b47061264138c4ac30d75fd1eb44270":
            return opened(value["value"])
        return {key: opened(part) for key, part in value.items()}
    return [opened(part) for part in value] if isinstance(value, list) else value


def answer(request):
    if "client" in request:
        result = getattr(client(request["client"]), request["call"])(**request["arguments"])
        return {"result": {key: value for key, value in result.items() if key != "ResponseMetadata"}}
    inputs = opened(request["inputs"])
    kind = request["type"]
    made = NAMED[kind](inputs, request["name"]) if kind in NAMED else MAKERS[kind](inputs)
    return {"id": made[0], "state": made[1]}


def main():
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION)
    with mock_aws():
        for line in sys.stdin:
            try:
                reply = answer(json.loads(line))
            except Exception as error:  # pylint: disable=broad-except
                reply = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply, default=str), flush=True)


if __name__ == "__main__":
    main()
