"""Stands in for CloudFront: page and API on one port, by the rules of the deployed distribution.

Origins, the origin's secret, path patterns, forwarded and added headers are all read from the
embedded cloud's CloudFront, and none is repeated here.
"""

import http.client
from dataclasses import dataclass
from email.message import Message
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import Cloud

PASSED_BACK = (
    "Content-Type",
    "Content-Disposition",
    "Cache-Control",
    "Location",
    "Retry-After",
    "Content-Language",
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Edge:
    """The deployed distribution, read once."""

    def __init__(self, cloud: Cloud, distribution: str) -> None:
        self._host = cloud.endpoint.removeprefix("http://")
        self._s3, cloudfront = cloud.client("s3"), cloud.client("cloudfront")
        reply = cloudfront.get_distribution_config(Id=distribution)["DistributionConfig"]
        self._root = reply["DefaultRootObject"]
        self._rules = [*reply["CacheBehaviors"]["Items"], reply["DefaultCacheBehavior"]]
        origins = {origin["Id"]: origin for origin in reply["Origins"]["Items"]}
        for rule in self._rules:
            rule["Origin"] = origins[rule["TargetOriginId"]]
            rule["Added"] = _added(cloudfront, rule["ResponseHeadersPolicyId"])
            if policy := rule.get("OriginRequestPolicyId"):
                known = cloudfront.get_origin_request_policy(Id=policy)["OriginRequestPolicy"]
                forwarded = known["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]["Items"]
                rule["Forwarded"] = forwarded

    def answer(self, method: str, path: str, headers: Message, body: bytes, viewer: str) -> Answer:
        """Answer one request of a browser. `viewer` is its address and port."""
        rule = next(r for r in self._rules if fnmatchcase(path, r.get("PathPattern", "*")))
        name = rule["Origin"]["DomainName"].partition(".")[0]
        if method not in rule["AllowedMethods"]["Items"]:
            reply = Answer(403, {}, b"")
        elif "Forwarded" not in rule:
            reply = self._file(name, path.strip("/") or self._root)
        else:
            del headers["CloudFront-Viewer-Address"]  # never trust the browser's own
            headers["CloudFront-Viewer-Address"] = viewer
            sent = {n: headers[n] for n in rule["Forwarded"] if n in headers}
            secrets = rule["Origin"]["CustomHeaders"]["Items"]
            sent |= {secret["HeaderName"]: secret["HeaderValue"] for secret in secrets}
            reply = self._call(method, path, sent | {"Host": f"{name}.execute-api.localhost"}, body)
        return Answer(reply.status, reply.headers | rule["Added"], reply.body)

    def _file(self, bucket: str, key: str) -> Answer:
        try:
            item = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return Answer(status, {"Content-Type": "text/plain"}, b"There is no such page.\n")
        return Answer(200, {"Content-Type": item["ContentType"]}, item["Body"].read())

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            back = {n: answer.headers[n] for n in PASSED_BACK if n in answer.headers}
            return Answer(answer.status, back, answer.read())
        finally:
            connection.close()


def _added(cloudfront: Any, policy: str) -> dict[str, str]:
    reply = cloudfront.get_response_headers_policy(Id=policy)["ResponseHeadersPolicy"]
    config = reply["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    age = security["StrictTransportSecurity"]["AccessControlMaxAgeSec"]
    return {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": f"max-age={age}",
    } | {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
