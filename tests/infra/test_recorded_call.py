#!/usr/bin/env python3
"""Requests as programs sign them, and the calls that they are."""

import json
import unittest

from check_calls import Grants
from recorded_call import recorded_call

BUCKETS = {"v": "vectors", "b": "batch_files"}


def headers(step, service, **others):
    scope = f"{step}/20250701/us-east-1/{service}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    return {"authorization": signed} | {name.replace("_", "-"): value for name, value in others.items()}


class RecordedCall(unittest.TestCase):
    def of_s3(self, method, path, *query):
        return recorded_call(method, path, query, headers("line_polling", "s3"), b"", BUCKETS)

    def test_an_operation_of_s3_is_its_method_and_what_its_query_names(self):
        for method, path, query, operation in [
                ("HEAD", "/v", [], "HeadBucket"), ("GET", "/v", ["list-type", "prefix"], "ListObjectsV2"),
                ("HEAD", "/v/a/b", [], "HeadObject"), ("GET", "/v/a/b", [], "GetObject"), ("PUT", "/v/a", [], "PutObject"),
                ("DELETE", "/v/a", [], "DeleteObject"), ("POST", "/v/a", ["uploads"], "CreateMultipartUpload"),
                ("PUT", "/v/a", ["partNumber", "uploadId"], "UploadPart"),
                ("POST", "/v/a", ["uploadId"], "CompleteMultipartUpload"),
                ("DELETE", "/v/a", ["uploadId"], "AbortMultipartUpload")]:
            self.assertEqual(self.of_s3(method, path, *query), {
                "step": "line_polling", "service": "s3", "operation": operation, "resource": "vectors"})

    def test_a_bucket_says_which_resource_it_is(self):
        self.assertEqual(self.of_s3("GET", "/b/a")["resource"], "batch_files")
        self.assertNotIn("resource", self.of_s3("GET", "/another/a"))

    def test_an_index_of_the_table_is_a_resource_of_its_own(self):
        signed = headers("list_pending", "dynamodb", x_amz_target="DynamoDB_20120810.Query")
        for fields, resource in [({}, "table"), ({"IndexName": "GSI1"}, "table_indexes")]:
            self.assertEqual(recorded_call("POST", "/", [], signed, json.dumps(fields).encode(), BUCKETS), {
                "step": "list_pending", "service": "dynamodb", "operation": "Query", "resource": resource})

    def test_a_request_that_is_not_signed_is_nobodys(self):
        self.assertIsNone(recorded_call("GET", "/moto-api/data.json", [], {}, b"", BUCKETS))

    def test_what_is_recorded_is_judged_by_what_is_granted(self):
        grants = Grants()
        self.assertIsNone(grants.refusal(self.of_s3("PUT", "/v/a", "partNumber")))
        self.assertEqual(grants.refusal(self.of_s3("PUT", "/b/a")), "line_polling may not do s3:PutObject on batch_files")
        self.assertEqual(grants.refusal(self.of_s3("GET", "/v", "versions")), "permissions.json does not know s3 GET bucket")


if __name__ == "__main__":
    unittest.main()
