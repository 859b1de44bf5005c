"""Which call of a service a signed HTTP request is, and of which step: what a recording of a run on a stand-in for AWS is made of.

A function whose AWS_ACCESS_KEY_ID is its HANDLER_TYPE signs every request with it, so the Authorization header says who calls.
"""

import json
import re

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([a-z0-9]+)/aws4_request")

# (method, is it an object, what its query begins with): the rest of the query does not matter.
S3_OPERATIONS = {
    ("HEAD", False, None): "HeadBucket",
    ("GET", False, "list-type"): "ListObjectsV2",
    ("HEAD", True, None): "HeadObject",
    ("GET", True, None): "GetObject",
    ("PUT", True, None): "PutObject",
    ("DELETE", True, None): "DeleteObject",
    ("POST", True, "uploads"): "CreateMultipartUpload",
    ("PUT", True, "partNumber"): "UploadPart",
    ("POST", True, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", True, "uploadId"): "AbortMultipartUpload",
}
S3_SUBRESOURCES = ("list-type", "uploads", "partNumber", "uploadId")
TRANSACTION_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def recorded_call(method, path, query, headers, body, buckets):
    """A call as check_calls.py reads it, or nothing for a request that is not signed.

    query: the names of its parameters. headers: with names in lower case. body: bytes. buckets: kinds of resources by bucket:
    {"my-vectors": "vectors", "my-batches": "batch_files"}.
    """
    signed = CREDENTIAL.search(headers.get("authorization", ""))
    if not signed:
        return None
    step, service = signed.groups()
    call = {"step": step, "service": service}
    if service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        named = next((name for name in S3_SUBRESOURCES if name in query), None)
        place = "object" if key else "bucket"
        call["operation"] = S3_OPERATIONS.get((method, bool(key), named), f"{method} {place} {named or ''}".strip())
        if bucket in buckets:
            call["resource"] = buckets[bucket]
        return call
    call["operation"] = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "dynamodb":
        arguments = json.loads(body or b"{}")
        call["resource"] = "table_indexes" if "IndexName" in arguments else "table"
        members = {kind for member in arguments.get("TransactItems", []) for kind in member}
        if members:  # a transaction needs the rights of what it does
            call["actions"] = " ".join(sorted(TRANSACTION_ACTIONS[kind] for kind in members))
    if service == "sqs":
        call["resource"] = "queue"
    return call
