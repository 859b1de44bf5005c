#!/usr/bin/env python3
"""quick_moto.py changes how long moto takes and nothing else: what one process answers with it, another answers without it.

usage: check_quick_moto.py [SEED]
Random calls of DynamoDB and SQS, the same in both: writes with and without conditions, transactions that fail and that do not,
queries of the table and of each index, page by page, scans, a backup that is restored; messages that are sent, received, given
back and removed. Ends with status 77, which ctest shows as skipped, where moto is missing.
"""

import io
import json
import random
import re
import subprocess
import sys

SKIPPED = 77
CALLS = 600
TABLE = "Rows"
INDEXES = [("GSI1", "GSI1PK", "GSI1SK"), ("GSITYPE", "TYPE", None)]
QUEUE = "http://localhost/123456789012/queue"
# What is made anew each time.
UNSTABLE = re.compile(r'"(MessageId|ReceiptHandle|CreationDateTime|TableCreationDateTime|SentTimestamp|TableId|TableArn'
                      r'|ApproximateFirstReceiveTimestamp|Backup\w+|SourceBackupArn|RestoreDateTime|CreatedTimestamp'
                      r'|LastModifiedTimestamp)": ("[^"]*"|[0-9.]+)')


class Caller:
    def __init__(self, application):
        self.application = application

    def __call__(self, service, target, **arguments):
        body = json.dumps(arguments).encode()
        scope = f"any/20250701/us-east-1/{service}/aws4_request"
        status = []
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-amz-json-1.0", "HTTP_X_AMZ_TARGET": target,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        answer = b"".join(self.application(environ, lambda code, *_: status.append(code))).decode()
        return status[0], answer

    def rows(self, operation, **arguments):
        return self("dynamodb", "DynamoDB_20120810." + operation, **arguments)

    def queue(self, operation, **arguments):
        return self("sqs", "AmazonSQS." + operation, **arguments)


def key_of(dice):
    return {"PK": {"S": f"p{dice.randrange(4)}"}, "SK": {"S": f"s{dice.randrange(12):02}"}}


def value_of(dice, depth=0):
    kinds = ["S", "N", "BOOL", "NULL", "B", "SS", "NS", "BS"] + ["M", "L"] * (depth < 2)
    kind = dice.choice(kinds)
    several = range(1 + dice.randrange(3))
    return {kind: {
        "S": lambda: "ä" * dice.randrange(4), "N": lambda: dice.choice(["0", "1.50", "-7", "1E3"]),
        "BOOL": lambda: dice.random() < 0.5, "NULL": lambda: True, "B": lambda: "AAEC", "SS": lambda: [f"t{i}" for i in several],
        "NS": lambda: [str(i) for i in several], "BS": lambda: ["AA==", "AQ=="],
        "M": lambda: {f"m{i}": value_of(dice, depth + 1) for i in several},
        "L": lambda: [value_of(dice, depth + 1) for _ in several]}[kind]()}


def row_of(dice):
    row = {**key_of(dice), "value": value_of(dice), "count": {"N": str(dice.randrange(3))}}
    for name, values in (("TYPE", 2), ("GSI1PK", 3), ("GSI1SK", 5)):
        if dice.random() < 0.8:
            row[name] = {"S": f"v{dice.randrange(values)}"}
    if dice.random() < 0.01:
        row["large"] = {"S": "x" * dice.choice([404_000, 406_000])}
    return row


def condition_of(dice):
    if dice.random() < 0.4:
        return {}
    condition = dice.choice(["attribute_not_exists(PK)", "attribute_exists(PK)", "#c = :c", "#c > :c OR begins_with(GSI1PK, :v)"])
    names = {"#c": "count"} if "#c" in condition else {}
    values = {name: value for name, value in ((":c", {"N": "1"}), (":v", {"S": "v1"})) if name in condition}
    return {"ConditionExpression": condition, **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": values} if values else {})}


def update_of(dice):
    update = {"Key": key_of(dice)}
    expression = dice.choice(["SET GSI1PK = :v", "SET #c = #c + :c, GSI1SK = :v", "REMOVE #t", "ADD #c :c",
                              "SET #t = :v REMOVE GSI1PK", "SET PK = :v"])
    asked = condition_of(dice)
    asked["UpdateExpression"] = expression
    both = expression + asked.get("ConditionExpression", "")
    values = {":c": {"N": "1"}, ":v": {"S": f"v{dice.randrange(3)}"}}
    names = {name: attribute for name, attribute in (("#c", "count"), ("#t", "TYPE")) if name in both}
    values = {name: value for name, value in values.items() if name in both}
    return {**update, **asked, **({"ExpressionAttributeNames": names} if names else {}),
            **({"ExpressionAttributeValues": values} if values else {})}


def query_of(dice):
    name, hash_key, range_key = dice.choice([(None, "PK", "SK"), *INDEXES, (None, "PK", "SK"), ("None", "PK", "SK")])
    value = f"p{dice.randrange(4)}" if hash_key == "PK" else f"v{dice.randrange(3)}"
    asked = {"KeyConditionExpression": "#h = :h", "ExpressionAttributeNames": {"#h": hash_key},
             "ExpressionAttributeValues": {":h": {"S": value}}, "ScanIndexForward": dice.random() < 0.5}
    if range_key and dice.random() < 0.5:
        asked["KeyConditionExpression"] += " AND begins_with(#r, :r)"
        asked["ExpressionAttributeNames"]["#r"] = range_key
        asked["ExpressionAttributeValues"][":r"] = {"S": dice.choice(["s0", "v", "v1"])}
    if dice.random() < 0.2:
        asked.update(FilterExpression="#c > :c")
        asked["ExpressionAttributeNames"]["#c"] = "count"
        asked["ExpressionAttributeValues"][":c"] = {"N": "0"}
    if dice.random() < 0.2:
        asked["Select"] = "COUNT"
    if name:
        asked["IndexName"] = name
    return asked


def rows_called(dice, call):
    """Does something with the table, and gives what was answered."""
    what = dice.randrange(10)
    if what == 0:
        yield call.rows("PutItem", TableName=TABLE, Item=row_of(dice), ReturnValues="ALL_OLD", **condition_of(dice))
    elif what == 1:
        yield call.rows("DeleteItem", TableName=TABLE, Key=key_of(dice), ReturnValues="ALL_OLD", **condition_of(dice))
    elif what in (2, 3):
        yield call.rows("UpdateItem", TableName=TABLE, ReturnValues="ALL_NEW", **update_of(dice))
    elif what == 4:
        writes = {tuple(row["SK"].values()) + tuple(row["PK"].values()): row for row in (row_of(dice) for _ in range(5))}
        requests = [{"PutRequest": {"Item": row}} if dice.random() < 0.8 else
                    {"DeleteRequest": {"Key": {name: row[name] for name in ("PK", "SK")}}} for row in writes.values()]
        yield call.rows("BatchWriteItem", RequestItems={TABLE: requests})
    elif what == 5:
        members = [{"Put": {"TableName": TABLE, "Item": row_of(dice), **condition_of(dice)}},
                   {"Update": {"TableName": TABLE, **update_of(dice)}},
                   {"Delete": {"TableName": TABLE, "Key": key_of(dice), **condition_of(dice)}}]
        yield call.rows("TransactWriteItems", TransactItems=dice.sample(members, dice.randrange(1, 4)))
    elif what == 6:
        yield call.rows("GetItem", TableName=TABLE, Key=key_of(dice), ConsistentRead=True)
        yield call.rows("BatchGetItem", RequestItems={TABLE: {"Keys": [{"PK": {"S": "p1"}, "SK": {"S": f"s{i:02}"}}
                                                                       for i in range(0, 12, 3)]}})
    elif what == 7 and dice.random() < 0.3:
        yield call.rows("Scan", TableName=TABLE)
    else:
        asked, more = query_of(dice), {"Limit": dice.choice([1, 3, 100])}
        for _ in range(4):
            answer = call.rows("Query", TableName=TABLE, **asked, **more)
            yield answer
            place = json.loads(answer[1]).get("LastEvaluatedKey")
            if place is None:
                break
            more["ExclusiveStartKey"] = place


def queue_called(dice, call, handles):
    what = dice.randrange(6)
    if what == 0:
        yield call.queue("SendMessage", QueueUrl=QUEUE, MessageBody=f"m{dice.randrange(1000)}",
                         DelaySeconds=dice.choice([0, 0, 900]))
    elif what in (1, 2):
        answer = call.queue("ReceiveMessage", QueueUrl=QUEUE, MaxNumberOfMessages=3, VisibilityTimeout=dice.choice([0, 600]),
                            AttributeNames=["All"])
        handles += [message["ReceiptHandle"] for message in json.loads(answer[1]).get("Messages", [])]
        yield answer
    elif what == 3 and handles:
        handle = dice.choice(handles)
        yield call.queue("DeleteMessage", QueueUrl=QUEUE, ReceiptHandle=handle)
    elif what == 4 and handles:
        yield call.queue("ChangeMessageVisibility", QueueUrl=QUEUE, ReceiptHandle=dice.choice(handles), VisibilityTimeout=0)
    else:
        yield call.queue("DeleteMessage", QueueUrl=QUEUE, ReceiptHandle="none")
        yield call.queue("GetQueueAttributes", QueueUrl=QUEUE, AttributeNames=["All"])


def set_up(call):
    keys = ["PK", "SK", "TYPE", "GSI1PK", "GSI1SK"]
    yield call.rows("CreateTable", TableName=TABLE, BillingMode="PAY_PER_REQUEST",
                    AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                    KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                    GlobalSecondaryIndexes=[{"IndexName": name, "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
                        {"AttributeName": key, "KeyType": kind} for key, kind in ((first, "HASH"), (second, "RANGE")) if key]}
                        for name, first, second in INDEXES])
    yield call.queue("CreateQueue", QueueName="dead")
    yield call.queue("CreateQueue", QueueName="queue", Attributes={"RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": "3"})})


def restored(call):
    """A table that came otherwise than by writes."""
    made = call.rows("CreateBackup", TableName=TABLE, BackupName="copy")
    yield made
    yield call.rows("RestoreTableFromBackup", TargetTableName="Restored",
                    BackupArn=json.loads(made[1])["BackupDetails"]["BackupArn"])
    for name, hash_key, _ in [(None, "PK", None), *INDEXES]:
        asked = {"IndexName": name} if name else {}
        for value in ("p1", "v1"):
            yield call.rows("Query", TableName="Restored", KeyConditionExpression="#h = :h", ExpressionAttributeNames={
                "#h": hash_key}, ExpressionAttributeValues={":h": {"S": value}}, **asked)


def answers(seed, quick):
    if quick:
        import quick_moto  # noqa: F401
    from moto.server import DomainDispatcherApplication, create_backend_app

    call = Caller(DomainDispatcherApplication(create_backend_app))
    dice = random.Random(seed)
    handles = []
    yield from set_up(call)
    for _ in range(CALLS):
        yield from rows_called(dice, call)
        yield from queue_called(dice, call, handles)
    yield from restored(call)


def answers_of_a_process(seed, how):
    ended = subprocess.run([sys.executable, __file__, seed, how], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise AssertionError(ended.stderr)
    return ended.stdout.splitlines()


def main(seed="1", how=None):
    try:
        import moto.server  # noqa: F401
    except ImportError as error:
        print(f"SKIPPED: python3 has no {error.name}")
        return SKIPPED
    if how:
        for status, answer in answers(int(seed), how == "quick"):
            print(status, UNSTABLE.sub(r'"\1": ""', answer.replace("\n", " ")))
        return 0
    plain, quick = (answers_of_a_process(seed, how) for how in ("plain", "quick"))
    for i, (expected, answer) in enumerate(zip(plain, quick)):
        assert expected == answer, f"answer {i + 1} was\n{answer}\nand without quick_moto\n{expected}"
    assert len(plain) == len(quick), (len(plain), len(quick))
    refused = sum(not line.startswith("200") for line in plain)
    assert 0.02 * len(plain) < refused < 0.5 * len(plain), refused
    print(f"{len(plain)} answers, {refused} of them refusals, are the same with seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
